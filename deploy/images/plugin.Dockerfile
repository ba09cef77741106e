# The tap as a folder that an init container copies to a vLLM. From the top of the checkout:
#   docker build -f deploy/images/plugin.Dockerfile -t attention-sidecar-plugin:0.1.0 .
# --build-arg PYTHON=… is the version of Python in the image of vLLM; its official images have 3.12.
FROM python:3.13.14-slim-bookworm@sha256:9d7f287598e1a5a978c015ee176d8216435aaf335ed69ac3c38dd1bbb10e8d64 AS build
ARG PYTHON=3.12
RUN --mount=type=bind,target=/source --mount=type=secret,id=pip,target=/etc/pip.conf \
    /source/deploy/images/install-plugin.sh /plugin "$PYTHON"

FROM busybox:1.37.0@sha256:9db7b59979c38555a39def84a31fb98b5296952f9e3afd4f6f11f05b07adfab0
COPY --from=build /plugin /plugin
COPY deploy/images/copy-plugin.sh /copy-plugin
USER 65532:65532
ENTRYPOINT ["/copy-plugin"]
CMD ["/opt/attention-sidecar"]
