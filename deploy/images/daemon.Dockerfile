# The daemon, without torch and vLLM. From the top of the checkout:
#   docker build -f deploy/images/daemon.Dockerfile -t attention-sidecar:0.1.0 .
FROM python:3.13.14-slim-bookworm@sha256:9d7f287598e1a5a978c015ee176d8216435aaf335ed69ac3c38dd1bbb10e8d64

RUN --mount=type=bind,target=/source --mount=type=secret,id=pip,target=/etc/pip.conf \
    /source/deploy/images/install-daemon.sh /opt/attention-sidecar
RUN install -d -o 65532 -g 65532 /run/attention-sidecar /var/lib/attention-sidecar

ENV PATH=/opt/attention-sidecar/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_RUNTIME_DIR=/run/attention-sidecar \
    ATTENTION_WIRE__SAMPLES=ipc:///run/attention-sidecar/samples \
    ATTENTION_WIRE__CONTROL=ipc:///run/attention-sidecar/control
WORKDIR /var/lib/attention-sidecar
USER 65532:65532
EXPOSE 9464
ENTRYPOINT ["/opt/attention-sidecar/bin/attention-sidecar"]
CMD ["daemon"]
