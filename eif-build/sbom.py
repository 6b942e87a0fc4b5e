#!/usr/bin/env python3
"""Writes what each program and the image are made of, as CycloneDX 1.6: FOLDER/NAME.cdx.json.

    sbom.py FOLDER            of all programs and of the image
    sbom.py --validate FILE.. against the schema (needs cyclonedx-python-lib[json-validation])

Equal sources give equal bytes: there is no time and no random number in the files. Standard library alone, but for --validate.

Why not cargo-cyclonedx: it asks Cargo for the features of the whole workspace united, and so lists crates that a program does not
link (24 for the enclave, such as x509-parser, which only tests use); it knows nothing but crates; and it writes into the sources.
What is linked is said here by `cargo tree`, with the selection of packages and features with which the program is built.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CARGO = os.environ.get("CARGO", "cargo")
TARGET = "x86_64-unknown-linux-gnu"

# Each program: its package, and whether it is built by itself and linked statically, as build.sh does, or with the workspace.
PROGRAMS = {
    "glovebox": ("glovebox", False),
    "glovebox-host": ("host", False),
    "attestation-verifier": ("attestation-verifier", False),
    "eif-build": ("eif-build", False),
    "glovebox-enclave-simulated": ("simulated", False),
    "glovebox-enclave": ("enclave", True),
    "init": ("init", True),
}
WORKSPACE = ["--workspace", "--features", "attestation-verifier/cli"]

# What crates compile that is not Rust. A linked crate whose build calls a C compiler, or that links a native library, must be here.
NATIVE = {
    "ring": lambda crate: {
        "name": "BoringSSL, as ring carries it",
        "description": "C and assembly of elliptic curves, AES, ChaCha20, SHA-2 and big numbers. ring names no version of it: "
        "its state is that of the crate.",
        "licenses": licences("Apache-2.0 AND ISC"),
        "properties": [prop("native-files", str(native_files(crate)))],
    },
    "libsqlite3-sys": lambda crate: {
        "name": "SQLite",
        "version": sqlite_version(crate),
        "description": "The amalgamation in the crate (feature `bundled`): one file of C.",
        "licenses": [{"license": {"name": "public domain (sqlite.org/copyright.html)"}}],
        "cpe": f"cpe:2.3:a:sqlite:sqlite:{sqlite_version(crate)}:*:*:*:*:*:*:*",
    },
    "zstd-sys": lambda crate: {
        "name": "Zstandard",
        "version": crate["version"].split("+zstd.")[1],
        "description": "The library's C and assembly in the crate.",
        "licenses": licences("BSD-3-Clause"),
        "cpe": f"cpe:2.3:a:facebook:zstandard:{crate['version'].split('+zstd.')[1]}:*:*:*:*:*:*:*",
    },
}
COMPILERS = {"cc", "cmake", "cxx-build", "nasm-rs"}


def run(*words: str) -> str:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"sbom: {' '.join(words[:3])} failed: {done.stderr.strip()}")
    return done.stdout


def prop(name: str, value: str) -> dict:
    return {"name": f"glovebox:{name}", "value": value}


def licences(expression: str) -> list:
    return [{"expression": expression.replace("/", " OR ")}] if expression else []


def native_files(crate: dict) -> int:
    folder = Path(crate["manifest_path"]).parent
    return sum(1 for file in folder.rglob("*") if file.suffix in {".c", ".S", ".s", ".asm"})


def sqlite_version(crate: dict) -> str:
    header = (Path(crate["manifest_path"]).parent / "sqlite3/sqlite3.h").read_text()
    return re.search(r'#define SQLITE_VERSION\s+"([0-9.]+)"', header)[1]


def packages() -> dict:
    """All packages that Cargo.lock names for this target, by name and version."""
    words = ["metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]
    found = json.loads(run(CARGO, *words))["packages"]
    return {(package["name"], package["version"]): package for package in found}


def tree(selection: list[str]) -> tuple[list, dict]:
    """The roots of `cargo tree`, and what each crate names: what is linked, and what runs in the compiler for it."""
    lines = run(CARGO, "tree", "--locked", "--edges=normal", f"--target={TARGET}", "--prefix=depth", "--format={p}", *selection)
    roots, edges, above = [], {}, []
    for line in filter(None, lines.splitlines()):
        depth, name, version = re.match(r"(\d+)(\S+) v(\S+)", line).groups()
        crate = (name, version)
        edges.setdefault(crate, set())
        above = above[: int(depth)] + [crate]
        if len(above) > 1:
            edges[above[-2]].add(crate)
        else:
            roots.append(crate)
    return roots, edges


def reach(edges: dict, start: tuple, passes) -> set:
    """All crates that are reached from `start` through crates that `passes`."""
    seen, ahead = set(), [start]
    while ahead:
        crate = ahead.pop()
        if crate not in seen and passes(crate):
            seen.add(crate)
            ahead.extend(edges[crate])
    return seen


def is_macro(package: dict) -> bool:
    return any("proc-macro" in target["kind"] for target in package["targets"])


def reference(crate: tuple) -> str:
    return f"crate:{crate[0]}@{crate[1]}"


class Bill:
    """What is known of these sources, from which the bill of each program is made."""

    def __init__(self) -> None:
        self.packages = packages()
        lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
        self.checksums = {(it["name"], it["version"]): it.get("checksum") for it in lock}
        self.pins = dict(
            line.split("=", 1) for line in (ROOT / "eif-build/kernel/pins").read_text().splitlines() if re.match(r"[A-Z_0-9]+=", line)
        )
        self.channel = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
        self.version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
        self.commit = run("sh", "eif-build/commit.sh").strip()
        self.together = tree(WORKSPACE)

    def crate(self, crate: tuple, linked: bool) -> dict:
        package = self.packages[crate]
        component = {
            "type": "library",
            "bom-ref": reference(crate),
            "name": crate[0],
            "version": crate[1],
            "scope": "required" if linked else "excluded",
            "licenses": licences(package["license"] or ""),
        }
        if not linked:
            component["properties"] = [prop("role", "runs in the compiler; is not linked")]
        if package["source"] is None:
            # Without a purl: a stranger's crate of this name may be on crates.io, and its flaws are not ours.
            component["description"] = package["description"] or "A crate of this workspace"
            return component
        component["purl"] = f"pkg:cargo/{crate[0]}@{crate[1]}"
        if checksum := self.checksums[crate]:
            component["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        if package["repository"]:
            component["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
        if linked and (native := self.native(crate)):
            component["components"] = [native]
        return component

    def native(self, crate: tuple) -> dict | None:
        """What a crate compiles that is not Rust, and an end of the program if nobody described it."""
        package = self.packages[crate]
        calls = {it["name"] for it in package["dependencies"] if it["kind"] == "build"} & COMPILERS
        if crate[0] not in NATIVE:
            if calls or (package["links"] or "").strip():
                raise SystemExit(
                    f"sbom: {crate[0]} {crate[1]} compiles or links what is not Rust ({', '.join(sorted(calls)) or package['links']}), "
                    "and nobody said what: describe it in NATIVE of eif-build/sbom.py"
                )
            return None
        return {"type": "library", "bom-ref": f"native:{crate[0]}", **NATIVE[crate[0]](package)}

    def rust(self) -> dict:
        sysroot = Path(run("rustc", "--print", "sysroot").strip())
        parts = {re.sub(r"^lib|-[0-9a-f]+$", "", file.stem) for file in (sysroot / f"lib/rustlib/{TARGET}/lib").glob("*.rlib")}
        return {
            "type": "library",
            "bom-ref": "rust:std",
            "name": "Rust standard library",
            "version": self.channel,
            "description": "As rustup delivers it, compiled. Cargo does not list the crates in it: they are named below, without versions.",
            "licenses": licences("MIT OR Apache-2.0"),
            "properties": [prop("parts", ", ".join(sorted(parts)))],
        }

    def libraries(self, static: bool) -> list:
        """The C library, and what GCC adds: in a static program they are parts of it."""
        if not static:
            return [
                {
                    "type": "library",
                    "bom-ref": "c:library",
                    "name": "glibc and libgcc",
                    "description": "Linked dynamically: those of the machine where the program runs, and no part of the file.",
                    "scope": "excluded",
                }
            ]
        glibc, gcc = self.pins["LIBC_VERSION"], self.pins["GCC_VERSION"]
        linked = "Linked statically. The version is that of eif-build/kernel/pins: build.sh warns of another one, and the manifest names it."
        return [
            {
                "type": "library",
                "bom-ref": "c:glibc",
                "name": "glibc",
                "version": glibc,
                "description": linked,
                "licenses": licences("LGPL-2.1-or-later"),
                "purl": f"pkg:deb/debian/glibc@{glibc.replace('+', '%2B')}?distro=bookworm",
                "cpe": f"cpe:2.3:a:gnu:glibc:{glibc.split('-')[0]}:*:*:*:*:*:*:*",
            },
            {
                "type": "library",
                "bom-ref": "c:libgcc",
                "name": "libgcc",
                "version": gcc,
                "description": linked,
                "licenses": licences("GPL-3.0-or-later WITH GCC-exception-3.1"),
                "purl": f"pkg:deb/debian/gcc-12@{gcc.replace('+', '%2B')}?distro=bookworm",
            },
        ]

    def program(self, name: str) -> dict:
        package, alone = PROGRAMS[name]
        roots, edges = tree([f"--package={package}"]) if alone else self.together
        root = next(crate for crate in roots if crate[0] == package)
        linked = reach(edges, root, lambda crate: not is_macro(self.packages[crate]))
        every = reach(edges, root, lambda _: True)
        components = [self.crate(crate, crate in linked) for crate in sorted(every - {root})]
        beside = [*self.libraries(alone), self.rust()]
        names = {crate: sorted(reference(other) for other in edges[crate]) for crate in every}
        dependencies = [{"ref": reference(crate), "dependsOn": names[crate]} for crate in sorted(every - {root})]
        needs = names[root] + [it["bom-ref"] for it in beside]
        dependencies.insert(0, {"ref": f"program:{name}", "dependsOn": needs})
        main = {"type": "application", "bom-ref": f"program:{name}", "name": name, "version": self.version, "licenses": licences("Apache-2.0")}
        main["properties"] = [prop("package", package), prop("commit", self.commit)]
        return self.document(main, components + beside, dependencies)

    def kernel(self) -> dict:
        pins, here = self.pins, ROOT / "eif-build/kernel"
        version, digest = pins["KERNEL_VERSION"], hashlib.sha256((here / "config").read_bytes()).hexdigest()
        return {
            "type": "operating-system",
            "bom-ref": "kernel",
            "name": "Linux",
            "version": version,
            "description": "Debian's source, our configuration, and one patch. Without modules, network devices and disks.",
            "licenses": licences("GPL-2.0-only WITH Linux-syscall-note"),
            "purl": f"pkg:deb/debian/{pins['KERNEL_PACKAGE']}@{version}?distro=bookworm",
            "cpe": f"cpe:2.3:o:linux:linux_kernel:{version.split('-')[0]}:*:*:*:*:*:*:*",
            "pedigree": {"patches": [{"type": "unofficial", "diff": {"url": "eif-build/kernel/vsock-receives-always.patch"}}]},
            "properties": [
                prop("source-package-sha256", pins["KERNEL_DEB_SHA256"]),
                prop("source-sha256", pins["KERNEL_SOURCE_SHA256"]),
                prop("patch-sha256", pins["KERNEL_PATCH_SHA256"]),
                prop("config-sha256", digest),
                prop("compiler", f"gcc {pins['GCC_VERSION']}, binutils {pins['BINUTILS_VERSION']}"),
            ],
        }

    def image(self, programs: dict) -> dict:
        inside = [programs["init"], programs["glovebox-enclave"]]
        components, dependencies = {"kernel": self.kernel()}, {"kernel": set()}
        for bill in inside:
            main = bill["metadata"]["component"]
            for component in [main, *bill["components"]]:
                known = components.setdefault(component["bom-ref"], component)
                # Two programs may link a crate of which one of them runs another version in the compiler only.
                if component.get("scope") == "required":
                    components[component["bom-ref"]] = component
                assert known["name"] == component["name"], known
            for edge in bill["dependencies"]:
                dependencies.setdefault(edge["ref"], set()).update(edge["dependsOn"])
        main = {"type": "container", "bom-ref": "image", "name": "glovebox.eif", "version": self.version, "licenses": licences("Apache-2.0")}
        main["description"] = "The enclave image: kernel, command line, a ramdisk with init and one with the enclave."
        main["properties"] = [prop("commit", self.commit), *self.built()]
        edges = [{"ref": "image", "dependsOn": ["kernel", "program:glovebox-enclave", "program:init"]}]
        edges += [{"ref": ref, "dependsOn": sorted(names)} for ref, names in sorted(dependencies.items())]
        return self.document(main, [components[ref] for ref in sorted(components)], edges)

    def built(self) -> list:
        """The registers and digests of the image that lies in target/eif, if it is of these crates."""
        path = ROOT / "target/eif/build-manifest.json"
        if not path.exists():
            return [prop("built", "not here: registers and digests are in the build manifest")]
        manifest = json.loads(path.read_text())
        if manifest["source_commit"] != self.commit:
            return [prop("built", f"target/eif is of {manifest['source_commit']}, and not of these sources")]
        registers = [prop(f"pcr{index}", value) for index, value in sorted(manifest["pcrs"].items())]
        files = [prop(f"sha384:{name}", file["sha384"]) for name, file in sorted(manifest["inputs"].items())]
        return [*registers, *files, prop("sha384:image", manifest["eif_unsigned"]["sha384"])]

    def document(self, main: dict, components: list, dependencies: list) -> dict:
        bill = {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "component": main,
                "tools": {"components": [{"type": "application", "name": "eif-build/sbom.py", "version": self.version}]},
            },
            "components": components,
            "dependencies": dependencies,
            # Of the standard library the parts are known by name alone.
            "compositions": [
                {"aggregate": "complete", "assemblies": [main["bom-ref"]]},
                {"aggregate": "unknown", "assemblies": ["rust:std"]},
            ],
        }
        name = hashlib.sha256(json.dumps(bill, sort_keys=True).encode()).hexdigest()
        return {"serialNumber": f"urn:uuid:{uuid.UUID(name[:32], version=5)}", **bill}


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    bill = Bill()
    bills = {name: bill.program(name) for name in PROGRAMS}
    bills["image"] = bill.image(bills)
    for name, document in bills.items():
        path = folder / f"{name}.cdx.json"
        path.write_text(json.dumps(document, indent=1) + "\n")
        crates = [it for it in document["components"] if it["bom-ref"].startswith("crate:")]
        linked = sum(it["scope"] == "required" for it in crates)
        print(f"{path}: {linked} crates are linked, {len(crates) - linked} run in the compiler")


def validate(paths: list[str]) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.V1_6)
    for path in paths:
        if error := validator.validate_str(Path(path).read_text()):
            raise SystemExit(f"sbom: {path} is not CycloneDX 1.6: {str(error.data)[:600]}")
    print(f"{len(paths)} documents are valid CycloneDX 1.6")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--validate", *paths] if paths:
            validate(paths)
        case [folder] if not folder.startswith("-"):
            write(Path(folder))
        case _:
            raise SystemExit(f"usage:\n{__doc__}")
