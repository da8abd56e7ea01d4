//! Debian packages. Compilers are fetched by name without root through a private apt state: nothing in `/etc/apt` or
//! `/var/lib/apt` is changed, and the mirror is the one that the machine is configured with. Python and Node.js, which most
//! machines have, are installed where they are missing and root may do so.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::command;
use crate::step;

/// The suites that carry recent compilers, in the order in which a version is looked for.
pub(crate) const RECENT_SUITES: [&str; 3] = ["trixie-backports", "forky", "sid"];

/// The file names that Debian's archive keys have had.
const KEYRINGS: [&str; 2] =
    ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];

/// Installs packages on this machine, which lacks `what`; says what to install where that is not for us to do.
pub(crate) fn install(packages: &[&str], what: &str) -> Result<()> {
    let names = packages.join(" ");
    let root = command::output(Command::new("id").arg("-u")).is_ok_and(|user| user.trim() == "0");
    if !root || !command::succeeds(Command::new("apt-get").arg("--version")) {
        bail!("there is no {what} here: install {names} (on Debian: `apt-get install {names}`)");
    }
    step::quiet(&format!("apt-get install {names}, as this machine has no {what}"), || {
        let apt = || {
            let mut command = Command::new("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
            command
        };
        command::output(apt().arg("update"))?;
        command::output(apt().args(["install", "--yes", "--no-install-recommends"]).args(packages))?;
        Ok(())
    })
}

/// Debian's archive, as seen from a private folder.
#[derive(Debug)]
pub(crate) struct Archive {
    folder: PathBuf,
}

impl Archive {
    /// Reads the lists of packages of those suites into `folder`.
    pub(crate) fn open(folder: &Path, suites: &[&str]) -> Result<Self> {
        for path in ["lists/partial", "cache/archives/partial", "debs"] {
            std::fs::create_dir_all(folder.join(path))?;
        }
        let archive = Self { folder: folder.to_owned() };
        let mirror = mirror()?;
        let signed_by = KEYRINGS.iter().find(|path| Path::new(path).exists());
        let signed_by = signed_by.map_or_else(String::new, |path| format!("[signed-by={path}] "));
        let sources: String =
            suites.iter().map(|suite| format!("deb {signed_by}{mirror} {suite} main\n")).collect();
        std::fs::write(folder.join("sources.list"), sources)?;
        command::output(archive.apt("apt-get").arg("update"))
            .context("cannot read Debian's lists of packages")?;
        Ok(archive)
    }

    /// The versions of a package that the archive offers, in the order of the suites.
    pub(crate) fn versions(&self, package: &str) -> Result<Vec<String>> {
        let table = command::output(self.apt("apt-cache").args(["madison", package]))?;
        Ok(table
            .lines()
            .filter_map(|row| row.split('|').nth(1))
            .map(|version| version.trim().to_owned())
            .collect())
    }

    /// Fetches one version of a package and unpacks the files that match `pattern` into `into`.
    pub(crate) fn unpack(&self, package: &str, version: &str, pattern: &str, into: &Path) -> Result<()> {
        let mut download = self.apt("apt-get");
        download.current_dir(self.folder.join("debs")).arg("download").arg(format!("{package}={version}"));
        command::output(&mut download)?;

        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--fsys-tarfile").arg(self.downloaded(package)?).stdout(Stdio::piped());
        let mut unpack = command::Running(unpack.spawn().context("cannot start dpkg-deb")?);
        let files = unpack.0.stdout.take().context("dpkg-deb has no output")?;
        let mut extract = Command::new("tar");
        extract.arg("-x").arg("-C").arg(into).args(["--no-same-owner", "--wildcards", pattern]);
        let extracted = extract.stdin(files).status().context("cannot start tar")?;
        let unpacked = unpack.0.wait()?;
        ensure!(extracted.success() && unpacked.success(), "cannot unpack {package} {version}");
        Ok(())
    }

    fn downloaded(&self, package: &str) -> Result<PathBuf> {
        let prefix = format!("{package}_");
        let mut files = std::fs::read_dir(self.folder.join("debs"))?.filter_map(Result::ok);
        files
            .find(|file| file.file_name().to_string_lossy().starts_with(&prefix))
            .map(|file| file.path())
            .with_context(|| format!("apt-get downloaded no {package}"))
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let option = |name: &str, path: &str| format!("{name}={}", self.folder.join(path).display());
        command.env("LC_ALL", "C").arg("-qq");
        command.arg("-o").arg(option("Dir::Etc::sourcelist", "sources.list"));
        command.arg("-o").arg(option("Dir::State::lists", "lists"));
        command.arg("-o").arg(option("Dir::Cache", "cache"));
        // No sandbox: the user that apt would change to may not read a checkout.
        for option in [
            // Without a network the lists would be empty, and nobody would know why.
            "APT::Update::Error-Mode=any",
            "Dir::Etc::sourceparts=-",
            "APT::Sandbox::User=",
            "Acquire::Languages=none",
            "Acquire::Retries=2",
        ] {
            command.args(["-o", option]);
        }
        command
    }
}

/// The release of Debian that this machine has; the stable one, where it has another system.
pub(crate) fn own_suite() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let is_debian = release.lines().any(|line| line == "ID=debian");
    let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.filter(|_| is_debian).unwrap_or("stable").trim_matches('"').to_owned()
}

/// The address that the machine's own apt sources give for Debian, leaving out the separate security archive.
fn mirror() -> Result<String> {
    let mut targets = Command::new("apt-get");
    targets.args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]);
    let addresses = command::output(&mut targets).context("this needs Debian's apt")?;
    let archive = addresses.lines().find(|address| {
        let last = address.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        last.contains("debian") && !last.contains("security")
    });
    archive.map(str::to_owned).context("apt's sources name no Debian mirror")
}
