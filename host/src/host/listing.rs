//! Looking at functions: one, and many page by page.

use bytes::Bytes;

use super::Host;
use super::aliases::AliasInfo;
use super::description::{FunctionVersion, describe_number};
use super::errors::FunctionNotFound;
use crate::function::{AliasName, FunctionName, FunctionRef, Qualifier, Region, VersionNumber};

/// A part of a list.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Page<T, M> {
    /// What is on it, in order.
    pub items: Vec<T>,
    /// Where the next one begins, if there is one.
    pub next: Option<M>,
}

/// Which functions to list.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListFunctions {
    /// Those of this region.
    pub region: Region,
    /// Every version of each, `$LATEST` first, and not only `$LATEST`.
    pub all_versions: bool,
    /// Where to begin: with this version of the function of this name; with the first function, if none is given.
    pub from: Option<(FunctionName, VersionNumber)>,
    /// How many at most; at least one.
    pub limit: usize,
}

impl ListFunctions {
    /// The first functions of a region, at most so many.
    pub fn new(region: Region, limit: usize) -> Self {
        Self { region, all_versions: false, from: None, limit }
    }
}

impl Host {
    /// The function, or the version or alias of it that the reference names. Of an alias with two versions it is
    /// the first.
    ///
    /// # Errors
    /// When there is none.
    pub fn function(&self, function: &FunctionRef) -> Result<FunctionVersion, FunctionNotFound> {
        let (_, present) = self.present(function)?;
        let number = match &function.qualifier {
            None => Some(VersionNumber::Latest),
            Some(Qualifier::Version(number)) => Some(*number),
            Some(Qualifier::Alias(name)) => {
                present.aliases.get(name).map(|state| state.alias.routing.version())
            }
        };
        let found = number.and_then(|number| describe_number(&present, number));
        found.ok_or_else(|| self.not_found(function))
    }

    /// The package of a function, as it was uploaded.
    ///
    /// # Errors
    /// When there is no such function. The error of a file that cannot be read is inside.
    pub async fn package(&self, function: &FunctionRef) -> Result<std::io::Result<Bytes>, FunctionNotFound> {
        let shown = self.function(function)?;
        let (_, present) = self.present(function)?;
        let version = present.version(shown.number).ok_or_else(|| self.not_found(function))?;
        Ok(version.facts.code.package().await)
    }

    /// Functions in the order of their names.
    pub fn list_functions(
        &self,
        request: &ListFunctions,
    ) -> Page<FunctionVersion, (FunctionName, VersionNumber)> {
        let limit = request.limit.max(1);
        let from = request.from.as_ref();
        // One more than asked for tells where the next page begins.
        let functions = self.parts.registry.list(&request.region, from.map(|(name, _)| name), limit + 1);
        let versions = functions.iter().flat_map(|function| {
            let latest = std::iter::once(VersionNumber::Latest);
            let published = function.published.keys().copied().map(VersionNumber::Published);
            let numbers = latest.chain(published.filter(|_| request.all_versions));
            numbers.map(move |number| (function, number))
        });
        let skipped = versions.skip_while(|(function, number)| {
            from.is_some_and(|(name, first)| {
                function.latest.facts.key.name() == name.as_str() && number < first
            })
        });
        let shown = skipped.filter_map(|(function, number)| describe_number(function, number));
        page(shown, limit, |version| (version.name.clone(), version.number))
    }

    /// The versions of a function, `$LATEST` first: those from `from` on, at most `limit`.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn list_versions(
        &self,
        function: &FunctionRef,
        from: Option<VersionNumber>,
        limit: usize,
    ) -> Result<Page<FunctionVersion, VersionNumber>, FunctionNotFound> {
        let (_, present) = self.present(function)?;
        let numbers = present.versions().map(|version| version.facts.number);
        let numbers = numbers.skip_while(|number| from.is_some_and(|from| *number < from));
        let shown = numbers.filter_map(|number| describe_number(&present, number));
        Ok(page(shown, limit.max(1), |version| version.number))
    }

    /// The aliases of a function in the order of their names, all or those that lead to a version: those from `from` on, at
    /// most `limit`.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn list_aliases(
        &self,
        function: &FunctionRef,
        version: Option<VersionNumber>,
        from: Option<&AliasName>,
        limit: usize,
    ) -> Result<Page<AliasInfo, AliasName>, FunctionNotFound> {
        let (_, present) = self.present(function)?;
        let aliases = present.aliases.values().map(|state| &state.alias);
        let aliases = aliases.skip_while(|alias| from.is_some_and(|from| alias.name < *from));
        let leads = |to: VersionNumber, alias: &crate::function::Alias| {
            alias.routing.versions().any(|number| number == to)
        };
        let own = aliases.filter(|alias| version.is_none_or(|version| leads(version, alias)));
        let infos =
            own.map(|alias| AliasInfo { arn: self.alias_arn(function, &alias.name), alias: alias.clone() });
        Ok(page(infos, limit.max(1), |info| info.alias.name.clone()))
    }
}

/// The first items, and the mark of the one after them.
fn page<T, M>(mut items: impl Iterator<Item = T>, limit: usize, mark: impl Fn(&T) -> M) -> Page<T, M> {
    let shown = items.by_ref().take(limit).collect();
    Page { items: shown, next: items.next().as_ref().map(mark) }
}
