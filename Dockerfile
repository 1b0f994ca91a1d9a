# The gateway for amd64, arm64 and armv7:
#   docker buildx build --platform linux/amd64,linux/arm64,linux/arm/v7 -t comatrix .
#   docker run -it --rm -v comatrix:/data comatrix init
#   docker run -d --restart unless-stopped -p 5683:5683/udp -v comatrix:/data comatrix
# A LoRa module: --device /dev/ttyUSB0 --group-add dialout. It is not built where this project is tested: there is no Docker.
FROM python:3.12-slim AS build
# For armv7 everything has a wheel but cffi (`make wheels`). Not `uname`: it tells the kernel's machine, on a 64-bit one another.
RUN if [ "$(dpkg --print-architecture)" = armhf ]; then apt-get update && apt-get install -y --no-install-recommends \
      gcc libc6-dev libffi-dev && rm -rf /var/lib/apt/lists/*; fi
COPY . /source
RUN python -m venv /opt/comatrix && /opt/comatrix/bin/pip install --no-cache-dir /source

FROM python:3.12-slim
RUN groupadd --system --gid 5683 comatrix && useradd --system --uid 5683 --gid 5683 --no-create-home comatrix \
 && install -d -o comatrix -g comatrix -m 0750 /data
COPY --from=build /opt/comatrix /opt/comatrix
ENV PATH=/opt/comatrix/bin:$PATH COMATRIX_HOME=/data COMATRIX_HTTP_BIND=127.0.0.1:5681 PYTHONDONTWRITEBYTECODE=1
USER comatrix
VOLUME /data
EXPOSE 5683/udp
# 503 once the homeserver has been unreachable for two minutes; the reason is in the body. A proxy for the world outside is not asked.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=1 \
  CMD ["python", "-c", "from urllib.request import *; build_opener(ProxyHandler({})).open('http://127.0.0.1:5681/healthz', timeout=4)"]
ENTRYPOINT ["comatrix"]
CMD ["gateway", "run"]
