//! The guest toolchain: what lets the active compiler build for [`TARGET`].

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{self, Running};
use crate::debian::{Archive, RECENT_SUITES};
use crate::repository::Repository;
use crate::step;

/// What guests are compiled for: components of WASI 0.2.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// How long rustup may take before the next way is tried.
const RUSTUP_TIME_MAX: Duration = Duration::from_secs(60);

/// A package that needs nothing but the standard library, so that cargo builds that.
const SEED_MANIFEST: &str = "\
[package]
name = \"seed\"
version = \"0.0.0\"
edition = \"2024\"

[lib]
path = \"lib.rs\"

[profile.release]
opt-level = 3
codegen-units = 1

[workspace]
";

/// Where the standard library for [`TARGET`] is.
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// In the compiler's own sysroot.
    Installed,
    /// In a sysroot under `target/`, made from Debian's source of the same compiler version.
    Private(PathBuf),
}

impl Toolchain {
    /// Takes the first way that works: installed already, made already, fetched by rustup, made from Debian's source. What is
    /// there is looked at first, so that a machine without a network does not wait for rustup to give up.
    pub(crate) fn prepare(repository: &Repository) -> Result<Self> {
        let _alone = repository.lock_setup()?;
        let rustc = Rustc::active(repository)?;
        let private = repository.target("guest-toolchain").join(&rustc.release);
        if rustc.has_target(repository)? {
            step::note(&format!("guest toolchain: {TARGET} is installed for rustc {}", rustc.release));
            Ok(Self::Installed)
        } else if private.is_dir() {
            step::note(&format!("guest toolchain: private sysroot for rustc {}", rustc.release));
            rustc.link_host_libraries(&private)?;
            Ok(Self::Private(private))
        } else if step::quiet(&format!("guest toolchain: try `rustup target add {TARGET}`"), || {
            Ok(rustup(repository))
        })? && rustc.has_target(repository)?
        {
            Ok(Self::Installed)
        } else {
            step::note(
                "guest toolchain: rustup cannot fetch it here; a private sysroot is made from Debian's source",
            );
            make(repository, &rustc, &private).with_context(|| {
                format!(
                    "cannot make a guest toolchain; where rustup can fetch, run `rustup target add {TARGET}`"
                )
            })?;
            Ok(Self::Private(private))
        }
    }

    /// Makes a cargo call for [`TARGET`] find the standard library.
    pub(crate) fn apply(&self, cargo: &mut Command) {
        // Flags meant for the machine's own programs would reach the guests, and hide ours.
        for name in ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            cargo.env_remove(name);
        }
        if let Self::Private(sysroot) = self {
            // The encoded form allows blanks in paths. With `--target`, build scripts and macros do not see it.
            cargo.env("CARGO_ENCODED_RUSTFLAGS", format!("--sysroot\u{1f}{}", sysroot.display()));
        }
    }
}

/// The active compiler.
#[derive(Debug)]
struct Rustc {
    release: String,
    host: String,
    sysroot: PathBuf,
}

impl Rustc {
    fn active(repository: &Repository) -> Result<Self> {
        let version = command::output(rustc(repository).arg("-vV"))?;
        let field = |name: &str| {
            let value = version.lines().find_map(|line| line.strip_prefix(name));
            value.map(str::to_owned).with_context(|| format!("`rustc -vV` has no line `{name}`"))
        };
        let sysroot = command::output(rustc(repository).args(["--print", "sysroot"]))?;
        Ok(Self { release: field("release: ")?, host: field("host: ")?, sysroot: sysroot.trim().into() })
    }

    fn has_target(&self, repository: &Repository) -> Result<bool> {
        let folder =
            command::output(rustc(repository).args(["--print", "target-libdir", "--target", TARGET]))?;
        let Ok(files) = std::fs::read_dir(folder.trim()) else {
            return Ok(false);
        };
        let mut names =
            files.filter_map(Result::ok).map(|file| file.file_name().to_string_lossy().into_owned());
        Ok(names.any(|name| name.starts_with("libstd-") && name.ends_with(".rlib")))
    }

    /// Build scripts and macros need the host's libraries, also under the private sysroot. The link is renewed each time, as
    /// the compiler may have been moved.
    fn link_host_libraries(&self, sysroot: &Path) -> Result<()> {
        let libraries = self.sysroot.join("lib/rustlib").join(&self.host);
        let link = sysroot.join("lib/rustlib").join(&self.host);
        if std::fs::read_link(&link).is_ok_and(|there| there == libraries) {
            return Ok(());
        }
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(&libraries, &link)
            .with_context(|| format!("cannot link {}", link.display()))
    }
}

fn rustc(repository: &Repository) -> Command {
    repository.command(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Whether rustup has added the target. What it says on failure is dropped, as the next way follows.
fn rustup(repository: &Repository) -> bool {
    let mut add = repository.command("rustup");
    add.args(["target", "add", TARGET]);
    let silent = std::process::Stdio::null;
    let Ok(child) = add.stdin(silent()).stdout(silent()).stderr(silent()).spawn() else {
        return false;
    };
    let ended = Running(child).wait_at_most(RUSTUP_TIME_MAX);
    ended.is_ok_and(|status| status.is_some_and(|status| status.success()))
}

/// Makes the private sysroot. It is built beside its place and renamed at the end, so that its being there means it is whole.
fn make(repository: &Repository, rustc: &Rustc, sysroot: &Path) -> Result<()> {
    let partial = sysroot.with_file_name("partial");
    let work = partial.join("work");
    if partial.exists() {
        std::fs::remove_dir_all(&partial)?;
    }
    std::fs::create_dir_all(&work)?;

    step::quiet(&format!("fetch Debian's rust-src {} and wasi-libc", rustc.release), || fetch(rustc, &work))?;
    step::quiet(&format!("build std for {TARGET}"), || build_std(repository, rustc, &work))?;
    install(&work, &partial)?;
    rustc.link_host_libraries(&partial)?;
    std::fs::remove_dir_all(&work)?;
    std::fs::rename(&partial, sysroot)?;
    Ok(())
}

/// Fetches the standard library's source, of exactly the compiler's version, and the C library it links.
fn fetch(rustc: &Rustc, work: &Path) -> Result<()> {
    let archive = Archive::open(&work.join("apt"), &RECENT_SUITES)?;
    let sources = archive.versions("rust-src")?;
    ensure!(!sources.is_empty(), "apt could not read Debian's lists of packages; is there a network?");
    let Some(source) = sources.iter().find(|version| version.starts_with(&format!("{}+", rustc.release)))
    else {
        bail!(
            "Debian offers rust-src {}, but the active compiler is {}, and both must be the same",
            sources.join(", "),
            rustc.release
        );
    };
    let libraries = archive.versions("wasi-libc")?;
    // The build for the stable release has stood the longest; any other serves where it is gone.
    let library = libraries.iter().find(|version| version.contains("~bpo")).or(libraries.first());
    let library = library.context("Debian offers no wasi-libc")?;
    archive.unpack("rust-src", source, "./usr/src/rustc-*/library", work)?;
    archive.unpack("wasi-libc", library, "./usr/lib/wasm32-*", work)
}

fn build_std(repository: &Repository, rustc: &Rustc, work: &Path) -> Result<()> {
    let source = work.join("usr/src").join(format!("rustc-{}", rustc.release)).join("library");
    ensure!(source.is_dir(), "Debian's rust-src has no {}", source.display());
    let seed = work.join("seed");
    std::fs::create_dir_all(&seed)?;
    std::fs::write(seed.join("Cargo.toml"), SEED_MANIFEST)?;
    std::fs::write(seed.join("lib.rs"), "")?;

    let mut cargo = repository.cargo("build");
    cargo.current_dir(&seed).args([
        "--quiet",
        "--release",
        "-Zbuild-std=std,panic_abort",
        "--target",
        TARGET,
    ]);
    cargo.env("CARGO_TARGET_DIR", seed.join("target"));
    // Building std is not a stable feature. The compiler and the source match, which is all that it asks for.
    cargo.env("RUSTC_BOOTSTRAP", "1").env("__CARGO_TESTS_ONLY_SRC_ROOT", source);
    // Bitcode, so that guests can be linked with `lto = true`.
    cargo.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", "-Cembed-bitcode=yes");
    command::output(&mut cargo)?;
    Ok(())
}

/// Copies the libraries to where the compiler looks for them in a sysroot.
fn install(work: &Path, sysroot: &Path) -> Result<()> {
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    let objects = libraries.join("self-contained");
    std::fs::create_dir_all(&objects)?;
    let built = work.join("seed/target").join(TARGET).join("release/deps");
    for file in std::fs::read_dir(&built)? {
        let (name, path) = file.map(|file| (file.file_name(), file.path()))?;
        let name = name.to_string_lossy();
        if name.ends_with(".rlib") && !name.starts_with("libseed") {
            std::fs::copy(path, libraries.join(&*name))?;
        }
    }
    for name in ["crt1-command.o", "crt1-reactor.o", "libc.a"] {
        let object = work.join("usr/lib").join(TARGET).join(name);
        std::fs::copy(&object, objects.join(name))
            .with_context(|| format!("wasi-libc has no {}", object.display()))?;
    }
    Ok(())
}
