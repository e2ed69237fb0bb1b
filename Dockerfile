# One image, five roles: the command decides (see docker-compose.yml).
FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements/core.lock requirements/core.lock
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/core.lock
COPY sdk sdk
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --no-index ./sdk

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 inferledger \
 && mkdir -p /var/lib/inferledger /var/spool/inferledger \
 && chown inferledger: /var/lib/inferledger /var/spool/inferledger
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py ./
COPY finops finops
COPY ingest ingest
COPY dashboards dashboards
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    FINOPS_DATA_DIR=/var/lib/inferledger FINOPS_STATIC_DIR=/app/static FINOPS_LOG_FORMAT=json FINOPS_DEMO=0
# The static files are part of the image; the key that loading the settings makes is thrown away.
RUN FINOPS_DATA_DIR=/tmp/build python manage.py collect_static && rm -rf /tmp/build
USER inferledger
EXPOSE 8000 4317 4318
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "8", "finops.wsgi:application"]
