# syntax=docker/dockerfile:1
# The server's image. `scripts/image` builds it, runs it and tests it. If Docker Hub cannot be
# reached, set BASE to another image of Debian 12.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS builder
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv
# SSL_CERT_FILE: Debian's certificates; scripts/image can add the certificate of a proxy.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
COPY deploy/uv.txt /build/
RUN python3 -m venv /uv && /uv/bin/pip install --no-cache-dir --require-hashes -r /build/uv.txt
ENV UV_PROJECT_ENVIRONMENT=/opt/vits-tts UV_PYTHON=/usr/bin/python3 UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy UV_NO_CACHE=1
WORKDIR /build
# Dependencies first, since they change less often than our code. EXTRAS="--extra aac" adds AAC and
# 100 MB.
ARG EXTRAS=""
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN /uv/bin/uv sync --locked --no-dev --no-editable --no-install-project ${EXTRAS}
COPY deploy/slim.sh ./deploy/
RUN deploy/slim.sh /opt/vits-tts
COPY src ./src
RUN /uv/bin/uv sync --locked --no-dev --no-editable --inexact
# Compile the modules that serving imports; the running container cannot write bytecode.
COPY deploy/bytecode.py ./deploy/
RUN /opt/vits-tts/bin/python deploy/bytecode.py

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="vits-tts" \
      org.opencontainers.image.description="A text-to-speech server for Vietnamese" \
      org.opencontainers.image.licenses="GPL-3.0-or-later" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /usr/share/doc/* /usr/share/man/* \
        /usr/lib/python3*/lib2to3 /usr/lib/python3*/pydoc_data /usr/lib/python3*/test \
    && groupadd --gid 10001 vits-tts \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/vits-tts \
        --shell /usr/sbin/nologin vits-tts \
    && install -d -o 10001 -g 10001 /var/lib/vits-tts/audio /var/lib/vits-tts/voices \
        /var/lib/vits-tts/pieces /var/lib/vits-tts/usage /var/lib/vits-tts/jobs \
        /var/lib/vits-tts/dictionaries \
    && install -d /etc/vits-tts
COPY --from=builder /opt/vits-tts /opt/vits-tts
# Settings come from /etc/vits-tts/config.yaml, if it exists, and from the environment. The server
# writes only to /tmp and to folders in /var/lib/vits-tts.
ENV PATH=/opt/vits-tts/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VITS_TTS__SERVER__HOST=0.0.0.0 \
    VITS_TTS__AUDIO__FOLDER=/var/lib/vits-tts/audio \
    VITS_TTS__USAGE__FOLDER=/var/lib/vits-tts/usage \
    VITS_TTS__JOBS__FOLDER=/var/lib/vits-tts/jobs \
    VITS_TTS__DICTIONARIES__FOLDER=/var/lib/vits-tts/dictionaries \
    VITS_TTS__VOICE__FOLDER=/var/lib/vits-tts/voices \
    VITS_TTS__VOICE__PIECES_FOLDER=/var/lib/vits-tts/pieces
WORKDIR /etc/vits-tts
VOLUME ["/var/lib/vits-tts/audio", "/var/lib/vits-tts/usage", "/var/lib/vits-tts/voices", "/var/lib/vits-tts/pieces", "/var/lib/vits-tts/jobs", "/var/lib/vits-tts/dictionaries"]
USER 10001:10001
EXPOSE 8888
STOPSIGNAL SIGTERM
# A check takes a second of a slow core, and longer on a busy machine. The first start compiles the
# voice.
HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 CMD ["vits-tts", "health"]
ENTRYPOINT ["vits-tts"]
CMD ["serve"]
