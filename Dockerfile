# syntax=docker/dockerfile:1
# linux/amd64 and linux/arm64: docker buildx build --platform linux/amd64,linux/arm64 .
# linux/arm/v7: docker buildx build --platform linux/arm/v7 --build-arg NODE=22 .
# Node.js 24 has long-term support until April 2028. 22, supported until April 2027, is the last with official images for arm/v7.
ARG NODE=24
FROM node:${NODE}-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# @ffmpeg-installer's script only sets a mode that the package has already.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run --silent build
RUN npm sbom --package-lock-only --omit=dev --sbom-format=cyclonedx > sbom.cdx.json
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# One place for the embedded ffmpeg, whatever the platform.
RUN node -e "require('fs').symlinkSync(require('@ffmpeg-installer/ffmpeg').path, 'ffmpeg')" && chmod +x "$(readlink ffmpeg)"

FROM node:${NODE}-trixie-slim
LABEL org.opencontainers.image.title="sidepipe"
LABEL org.opencontainers.image.description="A live-streaming node whose picture never goes stale"
LABEL org.opencontainers.image.version="0.1.0"
LABEL org.opencontainers.image.licenses="MIT AND GPL-3.0-or-later"
# `embedded` leaves the distribution's ffmpeg and all its libraries out; the ffmpeg of 2018 that is left gets no security fixes.
ARG FFMPEG=distribution
# setpriv (util-linux), by which no ffmpeg outlives the node, is in the base image.
RUN apt-get update && apt-get upgrade -y && apt-get install -y --no-install-recommends tini $(test "$FFMPEG" = embedded || echo ffmpeg) && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE /app/README.md /app/sbom.cdx.json /app/ffmpeg ./
COPY --from=build /app/docs ./docs
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/src/web/static ./src/web/static
COPY --from=build /app/dist ./dist
# Which ffmpeg is used: the distribution's where it is in the image. SIDEPIPE_FFMPEG_PATH=/app/ffmpeg chooses the embedded one.
RUN ln -s "$(command -v ffmpeg || echo /app/ffmpeg)" /usr/local/bin/sidepipe-ffmpeg
ENV NODE_ENV=production
# glibc would keep freed segments for itself.
ENV MALLOC_ARENA_MAX=2
ENV MALLOC_MMAP_THRESHOLD_=131072
ENV SIDEPIPE_FFMPEG_PATH=/usr/local/bin/sidepipe-ffmpeg
# A volume put here belongs to the node's user: for state.file, the only file that a node may want to keep.
RUN install -d -o node -g node /var/lib/sidepipe
USER node
EXPOSE 8080 1935
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.SIDEPIPE_HTTP_PORT || 8080) + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Reaps what is left behind and hands SIGTERM on; the node then ends every stream in order.
ENTRYPOINT ["tini", "--", "node", "dist/cli.js"]
CMD ["serve"]
