//! Bounds for the texts of requests in the making. A guest may hold thousands of requests that it never sends, and the
//! library that keeps them bounds neither authorities nor methods.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest as _, Method};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;

use super::check::{METHOD_BYTES_MAX, PATH_BYTES_MAX};

/// The interface under the version that the library links it by.
const TYPES: &str = "wasi:http/types@0.2.12";
/// The most bytes an authority may have: a name with a port has fewer.
const AUTHORITY_BYTES_MAX: usize = 300;

type Set = wasmtime::Result<(Result<(), ()>,)>;

/// Puts functions with a bound in the place of those without.
pub(in crate::wasm) fn bound_texts<T: WasiHttpView + 'static>(
    linker: &mut Linker<T>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap("[method]outgoing-request.set-method", set_method)?;
    types.func_wrap("[method]outgoing-request.set-path-with-query", set_path)?;
    types.func_wrap("[method]outgoing-request.set-authority", set_authority)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn set_method<T: WasiHttpView>(
    mut store: StoreContextMut<'_, T>,
    (request, method): (Resource<HostOutgoingRequest>, Method),
) -> Set {
    match &method {
        Method::Other(name) if name.len() > METHOD_BYTES_MAX => Ok((Err(()),)),
        _ => Ok((store.data_mut().http().set_method(request, method)?,)),
    }
}

fn set_path<T: WasiHttpView>(
    mut store: StoreContextMut<'_, T>,
    (request, path): (Resource<HostOutgoingRequest>, Option<String>),
) -> Set {
    match &path {
        Some(path) if path.len() > PATH_BYTES_MAX => Ok((Err(()),)),
        _ => Ok((store.data_mut().http().set_path_with_query(request, path)?,)),
    }
}

fn set_authority<T: WasiHttpView>(
    mut store: StoreContextMut<'_, T>,
    (request, authority): (Resource<HostOutgoingRequest>, Option<String>),
) -> Set {
    match &authority {
        Some(authority) if authority.len() > AUTHORITY_BYTES_MAX => Ok((Err(()),)),
        _ => Ok((store.data_mut().http().set_authority(request, authority)?,)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::guest::GuestState;

    #[test]
    fn the_functions_in_whose_place_ours_are_have_these_names() {
        let engine = wasmtime::Engine::default();
        let mut linker: Linker<GuestState> = Linker::new(&engine);
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).expect("it is linked");
        let mut types = linker.instance(TYPES).expect("an interface");
        let taken = [
            types.func_wrap("[method]outgoing-request.set-method", set_method),
            types.func_wrap("[method]outgoing-request.set-path-with-query", set_path),
            types.func_wrap("[method]outgoing-request.set-authority", set_authority),
        ];
        assert!(taken.iter().all(Result::is_err), "under these names and this version nothing is linked");
    }
}
