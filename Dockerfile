# One image for every process of eCRM; docker-compose.yml says which command each service runs.

# --- The browser code ---
FROM node:24-slim AS frontend
WORKDIR /build/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --ignore-scripts
COPY frontend ./
RUN npm run build

# --- The Python packages, exactly those of the lock ---
FROM python:3.11-slim AS packages
WORKDIR /build
COPY requirements/uv.txt requirements/run.txt ./
RUN python -m pip install --no-cache-dir --require-hashes -r uv.txt \
    && uv venv /opt/ecrm/venv \
    && uv pip sync --require-hashes --compile-bytecode --python /opt/ecrm/venv/bin/python run.txt

# --- The product ---
FROM python:3.11-slim
ENV PATH=/opt/ecrm/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ECRM_STATE_DIR=/var/lib/ecrm
# A fixed number, so that volumes keep their owner across images.
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ecrm \
    && install -d -o ecrm -g ecrm /var/lib/ecrm /var/lib/ecrm/files
COPY --from=packages /opt/ecrm/venv /opt/ecrm/venv
WORKDIR /opt/ecrm/app
COPY . .
COPY --from=frontend /build/frontend/dist frontend/dist
# The secret is for this command only: settings refuse to load without one.
RUN export ECRM_SECRET_KEY=only-while-the-image-is-built-0123456789-0123456789 \
    && python manage.py compile_messages \
    && python manage.py collectstatic --noinput --ignore '*.map'
USER ecrm
EXPOSE 8000
CMD ["python", "-m", "uvicorn", "ecrm.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--no-proxy-headers", "--no-server-header", "--timeout-graceful-shutdown", "20"]
