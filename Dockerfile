# One image for daemon, operator and command line. `make image` builds it; any builder of Dockerfiles can.
#
# Reproducible: the lock file pins every package, times of files are those of SOURCE_DATE_EPOCH (builders: --timestamp
# or rewrite-timestamp), and nothing is fetched but the packages of the lock file and the base.
ARG BASE=docker.io/library/node:24-bookworm-slim

# The base without its package managers: nothing in the image can install anything.
FROM ${BASE} AS base
RUN rm -rf /usr/local/lib/node_modules /opt/yarn-* /root/.npm /tmp/* \
      /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg \
      /usr/local/include /usr/local/CHANGELOG.md /usr/local/README.md \
 && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
 && echo 'postfleet:x:10001:10001:Postfleet:/nonexistent:/usr/sbin/nologin' >>/etc/passwd \
 && echo 'postfleet:x:10001:' >>/etc/group

FROM ${BASE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# What ships: production packages, no optional ones (they are Node itself), no scripts run, nothing that only editors read.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --loglevel=error --cache /tmp/npm \
 && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.md' ! -iname 'licen*' \) -delete \
 && rm -rf node_modules/.package-lock.json node_modules/.bin /tmp/npm
COPY LICENSE ./
COPY bin bin
COPY crds crds
COPY scripts scripts
COPY console/dist console/dist
COPY daemon daemon
COPY operator operator
RUN mkdir -p /usr/share/doc/postfleet && cp LICENSE /usr/share/doc/postfleet/LICENSE \
 && node --disable-warning=ExperimentalWarning scripts/sbom.ts >/usr/share/doc/postfleet/sbom.cdx.json
# Compiled code is kept by version of Node and by user, so it is made by the user who will read it. The daemon then
# starts without compiling, also where nothing can be written. The same code comes out each time: V8 hashes strings with a
# seed that we choose, and no collection of garbage leaves its traces in padding.
RUN mkdir /app/compiled && chown 10001:10001 /app/compiled
USER 10001:10001
RUN NODE_COMPILE_CACHE=/app/compiled node --random-seed=1 --min-semi-space-size=512 --max-semi-space-size=512 \
      --disable-warning=ExperimentalWarning scripts/warm.ts operator
USER 0:0
RUN chown -R 0:0 /app/compiled && chmod -R a+rX,go-w /app

FROM scratch
COPY --from=base / /
COPY --from=build /usr/share/doc/postfleet /usr/share/doc/postfleet
COPY --from=build /app /app
RUN ["/bin/ln", "-s", "/app/bin/postfleet", "/usr/local/bin/postfleet"]
ARG BASE
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Postfleet" \
      org.opencontainers.image.description="Mail for Kubernetes: daemon, operator and command line" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_ENV=production \
    NODE_COMPILE_CACHE=/app/compiled
USER 10001:10001
WORKDIR /app
EXPOSE 2525 2587 2465 2143 2993 2110 2995 8025
ENTRYPOINT ["/app/bin/postfleet"]
CMD ["--help"]
