import io
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
import uvicorn

from pricebid import store
from pricebid.client import Client, Retry
from pricebid_api import Settings, create_app
from pricebid_api.logs import RequestLog

PROMPT = Retry(attempts=3, first_seconds=0.0, longest_seconds=0.0)


@contextmanager
def listening(settings):
    """The application on a port of this machine, as `pricebid serve` runs it; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as place:
        config = uvicorn.Config(
            create_app(settings, log=RequestLog(io.StringIO(), "off")), log_config=None, lifespan="on", ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield f"http://127.0.0.1:{place.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def key(home):
    db = store.open_store(home)
    plain, _ = store.create_key(db, shop=None, scopes=["admin"], name="tests", by="tests")
    db.close()
    return plain


@pytest.fixture(scope="module")
def url(home, key):
    del key
    with listening(Settings(home=home, heavy="thread", flush_seconds=0.05, poll_seconds=0.1)) as found:
        yield found


@pytest.fixture(scope="module")
def client(url, key):
    with Client(url, key) as made:
        yield made


@pytest.fixture
def answering():
    """A client whose service is a function from request to answer; `.requests` are those that it has got."""
    made = []

    def make(handle, retry=PROMPT):
        requests = []

        def note(request):
            requests.append(request)
            answer = handle(request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        client = Client("http://service", "the-key", retry=retry, transport=httpx.MockTransport(note))
        client.requests = requests
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()
