"""The job worker: what `pricebid worker` runs. See ``docs/jobs.md``."""

from pricebid_api.worker.files import ResultFile, result_files, result_pieces
from pricebid_api.worker.main import run_workers
from pricebid_api.worker.request import Request, read_request

__all__ = ["Request", "ResultFile", "read_request", "result_files", "result_pieces", "run_workers"]
