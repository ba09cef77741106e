# The tap as a layer on an image of vLLM. From the top of the checkout:
#   docker build -f deploy/images/vllm.Dockerfile -t attention-sidecar-vllm:0.1.0 .
# --build-arg VLLM=… takes another image of vLLM, such as vllm/vllm-openai-cpu:v0.32.0.
ARG VLLM=vllm/vllm-openai:v0.32.0
FROM ${VLLM}

RUN --mount=type=bind,target=/source --mount=type=secret,id=pip,target=/etc/pip.conf \
    /source/deploy/images/install-tap.sh
RUN install -d -o 65532 -g 65532 /run/attention-sidecar

ENV ATTENTION_WIRE__SAMPLES=ipc:///run/attention-sidecar/samples \
    ATTENTION_WIRE__CONTROL=ipc:///run/attention-sidecar/control
