# syntax=docker/dockerfile:1
# One image for web, workers, scheduler, model process and migrations; the command differs.
# PyTorch comes as its CPU build: from ./wheels when it lies there, else from PyTorch's index.
FROM python:3.11.13-slim-bookworm AS packages
WORKDIR /app
COPY scripts/setup_env.py scripts/setup_env.py
COPY requirements.lock requirements-dev.lock ./
COPY wheel[s] wheels
RUN python scripts/setup_env.py runtime \
    && rm -rf wheels ~/.cache .venv/bin/uv .venv/bin/uvx

FROM python:3.11.13-slim-bookworm
# 10001: owns /data and nothing else; the program itself is not writable for it.
RUN useradd --uid 10001 --create-home contentcenter \
    && install -d -o contentcenter -g contentcenter /data /cache
WORKDIR /app
COPY --from=packages /app/.venv .venv
COPY contentcenter contentcenter
COPY ingest ingest
COPY recommend recommend
COPY distribute distribute
COPY wsgi.py ./
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CONTENTCENTER_DATA_DIR=/data \
    CONTENTCENTER_CACHE_DIR=/cache
RUN python -m compileall -q contentcenter ingest recommend distribute wsgi.py
USER contentcenter
VOLUME ["/data", "/cache"]
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "wsgi:app", "--worker-class", "gthread", "--workers", "1", "--threads", "16", "--bind", "0.0.0.0:8000", "--no-control-socket", "--graceful-timeout", "10", "--timeout", "60", "--keep-alive", "30"]
