# syntax=docker/dockerfile:1

FROM rust:1.95-slim-trixie AS build
# aws-lc, the library for cryptography, is written in C. Stores of objects are known by their certificates.
RUN apt-get update && apt-get install --yes --no-install-recommends build-essential ca-certificates cmake
WORKDIR /src
COPY . .
# One static binary, so that the final image needs nothing else. (A target must be named for the flag
# to leave build scripts and macros alone.)
RUN host=$(rustc -vV | sed -n 's/^host: //p') \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$host" \
    && mkdir -p /out/data /out/config \
    && cp "target/$host/release/portolan" /etc/ssl/certs/ca-certificates.crt /out/

FROM scratch
COPY --from=build /out/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/portolan /portolan
COPY --from=build /out/config /config
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
EXPOSE 5000
VOLUME /data
ENTRYPOINT ["/portolan"]
CMD ["serve", "/config", "--data", "/data", "--listen", "0.0.0.0:5000"]
