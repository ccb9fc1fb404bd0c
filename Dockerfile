# The service and its job workers in one image: `serve` unless told otherwise, `worker`, `keys create ...` and the rest.
# Build: docker build -t pricebid .     With tracing: docker build --build-arg EXTRAS=api,otel -t pricebid .

FROM python:3.13-slim AS build
ARG EXTRAS=api
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
COPY api ./api
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .
RUN python -m venv /opt/pricebid && \
    wheel="$(ls /wheels/pricebid-*.whl)" && \
    /opt/pricebid/bin/pip install --no-cache-dir "${wheel}[${EXTRAS}]" && \
    /opt/pricebid/bin/python -m compileall -q /opt/pricebid/lib

FROM python:3.13-slim
RUN groupadd --gid 10001 pricebid && \
    useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin pricebid && \
    install -d -o 10001 -g 10001 -m 0700 /var/lib/pricebid
COPY --from=build /opt/pricebid /opt/pricebid
# It listens on all addresses of the container, and so refuses to start before a key exists (or an identity provider is set).
ENV PATH="/opt/pricebid/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OPENBLAS_NUM_THREADS=1 \
    PRICEBID_HOME=/var/lib/pricebid \
    PRICEBID_HOST=0.0.0.0 \
    PRICEBID_PORT=8000
WORKDIR /var/lib/pricebid
VOLUME /var/lib/pricebid
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['PRICEBID_PORT']}/readyz\", timeout=4)"]
ENTRYPOINT ["pricebid"]
CMD ["serve"]
