//! What guests call: `wasi:filesystem` of WASI 0.2, over trees in memory.
//!
//! The bindings know the descriptors of `wasmtime_wasi`, which are of the host's disk. A resource is only a number in
//! the guest's table, so that under this number the table holds a descriptor of ours.

use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::filesystem::Descriptor as WasiDescriptor;
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};

use super::Files;
use super::descriptor::{Descriptor, Opening};
use super::listing::Listing;
use super::streams::{READ_BYTES_MAX, Reader, Writer};
use super::walk::Follow;
use crate::wasm::limits::MemoryLimit;

/// What of a guest's state its files are made of.
pub(in crate::wasm) struct FilesView<'a> {
    pub(in crate::wasm) files: &'a mut Files,
    pub(in crate::wasm) memory: &'a mut MemoryLimit,
    pub(in crate::wasm) table: &'a mut ResourceTable,
}

/// Says to the bindings that they work on a [`FilesView`].
pub(super) struct HasFiles;

impl HasData for HasFiles {
    type Data<'a> = FilesView<'a>;
}

type Fd = Resource<WasiDescriptor>;

impl FilesView<'_> {
    fn descriptor(&self, fd: &Fd) -> FsResult<&Descriptor> {
        Ok(self.table.get(&Resource::<Descriptor>::new_borrow(fd.rep()))?)
    }

    fn push(&mut self, descriptor: Descriptor) -> FsResult<Fd> {
        let resource = self.table.push(descriptor)?;
        Ok(Resource::new_own(resource.rep()))
    }
}

impl preopens::Host for FilesView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Fd, String)>> {
        let mut directories = Vec::new();
        for (volume, path) in self.files.volumes(self.memory) {
            let resource = self.table.push(Descriptor::root(&volume))?;
            directories.push((Resource::new_own(resource.rep()), path.to_owned()));
        }
        Ok(directories)
    }
}

impl types::Host for FilesView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(self.table.get(&error)?.downcast_ref::<ErrorCode>().copied())
    }
}

impl types::HostDescriptor for FilesView<'_> {
    fn read_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynInputStream>> {
        let reader: DynInputStream = Box::new(Reader::new(self.descriptor(&fd)?.to_read()?, offset));
        Ok(self.table.push(reader)?)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynOutputStream>> {
        let writer: DynOutputStream = Box::new(Writer::at(self.descriptor(&fd)?.to_write()?, offset));
        Ok(self.table.push(writer)?)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let writer: DynOutputStream = Box::new(Writer::appending(self.descriptor(&fd)?.to_write()?));
        Ok(self.table.push(writer)?)
    }

    async fn advise(&mut self, fd: Fd, _offset: u64, _length: u64, _advice: Advice) -> FsResult<()> {
        self.descriptor(&fd).map(drop)
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        self.descriptor(&fd).map(drop)
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        self.descriptor(&fd).map(drop)
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        Ok(self.descriptor(&fd)?.flags())
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        Ok(self.descriptor(&fd)?.descriptor_type())
    }

    async fn set_size(&mut self, fd: Fd, size: u64) -> FsResult<()> {
        let file = self.descriptor(&fd)?.to_write()?;
        Ok(file.volume().change(|disk| disk.set_size(file.node(), size))?)
    }

    async fn set_times(&mut self, fd: Fd, access: NewTimestamp, modification: NewTimestamp) -> FsResult<()> {
        Ok(self.descriptor(&fd)?.set_times(access, modification)?)
    }

    async fn read(&mut self, fd: Fd, length: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        let file = self.descriptor(&fd)?.to_read()?;
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(READ_BYTES_MAX);
        let bytes = file.read(offset, length)?;
        // Nothing to read is the end too, even if nothing was asked for: who sees neither thinks it was interrupted.
        let end = bytes.is_empty() || bytes.len() < length;
        Ok((bytes.into(), end))
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        let file = self.descriptor(&fd)?.to_write()?;
        file.volume().change(|disk| disk.write(file.node(), offset, &bytes))?;
        Ok(bytes.len() as u64)
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<DirectoryEntryStream>> {
        let listing = Listing::new(self.descriptor(&fd)?.directory_handle()?);
        let resource = self.table.push(listing)?;
        Ok(Resource::new_own(resource.rep()))
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let descriptor = self.descriptor(&fd)?;
        let base = descriptor.directory()?;
        Ok(descriptor.volume().change(|disk| disk.create_directory(base, &path))?)
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        Ok(self.descriptor(&fd)?.stat())
    }

    async fn stat_at(&mut self, fd: Fd, flags: PathFlags, path: String) -> FsResult<DescriptorStat> {
        Ok(self.descriptor(&fd)?.stat_at(follow(flags), &path)?)
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        Ok(self.descriptor(&fd)?.set_times_at(follow(flags), &path, access, modification)?)
    }

    async fn link_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
        new_fd: Fd,
        new_path: String,
    ) -> FsResult<()> {
        let new = self.descriptor(&new_fd)?;
        Ok(self.descriptor(&fd)?.link_at(follow(flags), &path, new, &new_path)?)
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let opening = Opening { follow: follow(path_flags), how, flags };
        let opened = self.descriptor(&fd)?.open_at(&path, opening)?;
        self.push(opened)
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        Ok(self.descriptor(&fd)?.read_link_at(&path)?)
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let descriptor = self.descriptor(&fd)?;
        let base = descriptor.directory()?;
        Ok(descriptor.volume().change(|disk| disk.remove_directory(base, &path))?)
    }

    async fn rename_at(&mut self, fd: Fd, path: String, new_fd: Fd, new_path: String) -> FsResult<()> {
        let new = self.descriptor(&new_fd)?;
        Ok(self.descriptor(&fd)?.rename_at(&path, new, &new_path)?)
    }

    async fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> FsResult<()> {
        let descriptor = self.descriptor(&fd)?;
        let base = descriptor.directory()?;
        Ok(descriptor.volume().change(|disk| disk.create_link(&target, base, &path))?)
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let descriptor = self.descriptor(&fd)?;
        let base = descriptor.directory()?;
        Ok(descriptor.volume().change(|disk| disk.unlink_file(base, &path))?)
    }

    async fn is_same_object(&mut self, one: Fd, other: Fd) -> wasmtime::Result<bool> {
        let one = self.descriptor(&one).map_err(wasmtime::Error::from)?;
        let other = self.descriptor(&other).map_err(wasmtime::Error::from)?;
        Ok(one.is_same_object(other))
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        Ok(self.descriptor(&fd)?.metadata_hash())
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        Ok(self.descriptor(&fd)?.metadata_hash_at(follow(flags), &path)?)
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Descriptor>::new_own(fd.rep()))?;
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for FilesView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        Ok(self.table.get_mut(&Resource::<Listing>::new_borrow(stream.rep()))?.next())
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Listing>::new_own(stream.rep()))?;
        Ok(())
    }
}

fn follow(flags: PathFlags) -> Follow {
    if flags.contains(PathFlags::SYMLINK_FOLLOW) { Follow::Yes } else { Follow::No }
}
