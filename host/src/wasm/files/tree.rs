//! Directories, files and links, as nodes that names lead to. Knows no limits and no descriptors.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
};

use super::blocks::Blocks;

/// Where every tree begins.
pub(super) const ROOT: NodeId = NodeId(0);

/// The number of a node. It is never given to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) u64);

/// A root directory and all below it.
#[derive(Debug)]
pub(super) struct Tree {
    /// Boxed, so that the map's own spare room is small.
    nodes: BTreeMap<NodeId, Box<Node>>,
    next: u64,
}

/// A directory, a file or a link. It lives as long as a name leads to it or it is open.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// How many names lead to it.
    pub(super) names: u64,
    /// How many descriptors and streams hold it open.
    pub(super) opens: u64,
    /// None in a package, whose files have no times.
    pub(super) times: Option<Times>,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Kind {
    Directory(Directory),
    /// A file that can be changed.
    File(Blocks),
    /// A file of a package.
    Asset(Bytes),
    /// A symbolic link, with the path it leads to from where it is.
    Link(Box<str>),
}

#[derive(Debug)]
pub(super) struct Directory {
    pub(super) entries: BTreeMap<Box<str>, NodeId>,
    /// The directory it is in; the root is in itself.
    pub(super) parent: NodeId,
}

/// When a node was last read, had its content changed, and was itself changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) access: Datetime,
    pub(super) modification: Datetime,
    pub(super) change: Datetime,
}

impl Tree {
    /// A tree of an empty root directory.
    pub(super) fn new(times: Option<Times>) -> Self {
        let mut tree = Self { nodes: BTreeMap::new(), next: 0 };
        let root = tree.insert(Kind::Directory(Directory::within(ROOT)), times);
        tree.node_mut(root).names = 1;
        tree
    }

    /// Adds a node that no name leads to yet.
    pub(super) fn insert(&mut self, kind: Kind, times: Option<Times>) -> NodeId {
        let id = NodeId(self.next);
        self.next += 1;
        self.nodes.insert(id, Box::new(Node { kind, names: 0, opens: 0, times }));
        id
    }

    /// Takes a node out that nothing leads to any more.
    pub(super) fn remove(&mut self, id: NodeId) -> Option<Box<Node>> {
        self.nodes.remove(&id)
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(&id).expect("a node lives while a name or a descriptor leads to it")
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes.get_mut(&id).expect("a node lives while a name or a descriptor leads to it")
    }

    pub(super) fn directory(&self, id: NodeId) -> Result<&Directory, ErrorCode> {
        match &self.node(id).kind {
            Kind::Directory(directory) => Ok(directory),
            _ => Err(ErrorCode::NotDirectory),
        }
    }

    pub(super) fn directory_mut(&mut self, id: NodeId) -> Result<&mut Directory, ErrorCode> {
        match &mut self.node_mut(id).kind {
            Kind::Directory(directory) => Ok(directory),
            _ => Err(ErrorCode::NotDirectory),
        }
    }

    /// Up to `length` bytes of a file. At its end there are none.
    pub(super) fn read(&self, id: NodeId, offset: u64, length: usize) -> Result<Bytes, ErrorCode> {
        match &self.node(id).kind {
            Kind::File(blocks) => Ok(blocks.read(offset, length)),
            Kind::Asset(bytes) => {
                let begin = offset.min(bytes.len() as u64) as usize;
                let end = begin.saturating_add(length).min(bytes.len());
                Ok(bytes.slice(begin..end))
            }
            Kind::Directory(_) => Err(ErrorCode::IsDirectory),
            Kind::Link(_) => Err(ErrorCode::Invalid),
        }
    }

    pub(super) fn stat(&self, id: NodeId) -> DescriptorStat {
        let node = self.node(id);
        DescriptorStat {
            type_: node.kind.descriptor_type(),
            link_count: node.names,
            size: node.kind.size(),
            data_access_timestamp: node.times.map(|times| times.access),
            data_modification_timestamp: node.times.map(|times| times.modification),
            status_change_timestamp: node.times.map(|times| times.change),
        }
    }

    /// The first entry of a directory, or that which follows a name.
    pub(super) fn entry_after(&self, id: NodeId, name: Option<&str>) -> Option<DirectoryEntry> {
        let from = name.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = &self.directory(id).ok()?.entries;
        let (name, &node) = entries.range::<str, _>((from, Bound::Unbounded)).next()?;
        Some(DirectoryEntry { type_: self.node(node).kind.descriptor_type(), name: name.to_string() })
    }
}

impl Kind {
    pub(super) fn descriptor_type(&self) -> DescriptorType {
        match self {
            Self::Directory(_) => DescriptorType::Directory,
            Self::File(_) | Self::Asset(_) => DescriptorType::RegularFile,
            Self::Link(_) => DescriptorType::SymbolicLink,
        }
    }

    fn size(&self) -> u64 {
        match self {
            Self::Directory(_) => 0,
            Self::File(blocks) => blocks.size(),
            Self::Asset(bytes) => bytes.len() as u64,
            Self::Link(target) => target.len() as u64,
        }
    }
}

impl Directory {
    pub(super) fn within(parent: NodeId) -> Self {
        Self { entries: BTreeMap::new(), parent }
    }
}

impl Times {
    pub(super) fn all(time: Datetime) -> Self {
        Self { access: time, modification: time, change: time }
    }
}
