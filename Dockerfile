# One file for every image: docker build --target ledger .
ARG NODE=node:20.20.2-bookworm-slim

FROM ${NODE} AS build
WORKDIR /app
COPY . .
RUN npm ci --ignore-scripts --no-audit --no-fund && npx tsc -b

# What a service needs at run time, and nothing else: neither the embedded engine nor LMDB.
FROM build AS ledger-files
RUN npm ci --workspace services/ledger --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE} AS ledger
ENV NODE_ENV=production
WORKDIR /app
RUN mkdir /deployment && chown node:node /deployment
COPY --from=ledger-files /app/package.json ./
COPY --from=ledger-files /app/node_modules node_modules
COPY --from=ledger-files /app/packages packages
COPY --from=ledger-files /app/services/ledger services/ledger
USER node
EXPOSE 9464
# The flag: see docs/operations/ledger.md, "Node".
CMD ["node", "--initial-old-space-size=256", "services/ledger/dist/main.js"]

FROM build AS detector-files
RUN npm ci --workspace services/detector --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE} AS detector
ENV NODE_ENV=production
WORKDIR /app
RUN mkdir /deployment /state && chown node:node /deployment /state
COPY --from=detector-files /app/package.json ./
COPY --from=detector-files /app/node_modules node_modules
COPY --from=detector-files /app/packages packages
COPY --from=detector-files /app/services/detector services/detector
# The shipped rules: what SEALTRAIL_DETECTOR_RULES names where it is not set.
COPY rules rules
USER node
EXPOSE 9465
CMD ["node", "services/detector/dist/main.js"]

# The command line, with the embedded engine.
FROM build AS cli-files
RUN npm ci --workspace apps/sealtrail --omit=dev --no-audit --no-fund

FROM ${NODE} AS cli
ENV NODE_ENV=production
WORKDIR /app
RUN mkdir /deployment && chown node:node /deployment
COPY --from=cli-files /app/package.json ./
COPY --from=cli-files /app/node_modules node_modules
COPY --from=cli-files /app/packages packages
COPY --from=cli-files /app/services services
COPY --from=cli-files /app/examples examples
COPY --from=cli-files /app/apps apps
COPY rules rules
USER node
ENTRYPOINT ["node", "apps/sealtrail/dist/main.js"]
