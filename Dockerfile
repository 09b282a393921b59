# The image of the Cloud Run jobs: nbkit without JupyterLab, bytecode compiled at build time.
FROM python:3.11-slim
WORKDIR /app
COPY . .
RUN pip install --no-cache-dir -c constraints.txt ".[gcp]" && python -m compileall -q /usr/local/lib/python3.11/site-packages
ENV NBKIT_PROJECT=/app
ENTRYPOINT ["nbkit"]
