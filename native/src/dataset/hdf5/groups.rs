//! Groups, and the links in them: followed, or refused by name.
//!
//! The reader's own listing leaves out links that lead nowhere, and fails as a whole where one member is of a kind that
//! it does not know. So the links are listed and followed here; only what they lead to is opened.

use std::path::Path;
use std::rc::Rc;

use hdf5_reader::btree_v1::collect_btree_v1_leaves_storage;
use hdf5_reader::btree_v2::{BTreeV2Header, BTreeV2Record, collect_btree_v2_records_storage};
use hdf5_reader::error::Error;
use hdf5_reader::fractal_heap::{FractalHeap, FractalHeapDirectBlockCache};
use hdf5_reader::group::Group;
use hdf5_reader::io::Cursor;
use hdf5_reader::local_heap::LocalHeap;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::link::{self, LinkMessage, LinkTarget};
use hdf5_reader::messages::link_info::LinkInfoMessage;
use hdf5_reader::messages::symbol_table_msg::SymbolTableMessage;
use hdf5_reader::object_header::ObjectHeader;
use hdf5_reader::symbol_table::SymbolTableNode;
use hdf5_reader::{DEFAULT_MAX_OBJECT_HEADER_BYTES, Dataset};

use super::super::DataError;
use super::super::column::Table;
use super::column::Numbers;
use super::open::{File, Files};
use super::{damaged, trouble};

/// Soft and external links on the way to one object; more are a circle.
const MAX_LINKS: usize = 16;

/// A group of the file that is read.
pub(in super::super) struct Node<'a> {
    files: &'a Files,
    file: Rc<File>,
    group: Group,
    /// Its name and a slash; empty for the root.
    prefix: String,
    links: Vec<LinkMessage>,
}

/// Target of a link.
enum Object<'a> {
    Group(Node<'a>),
    Dataset(Box<Stored>),
    /// A named type.
    Other,
}

/// A data set by its header.
pub(super) struct Stored {
    pub dataset: Dataset,
    /// The group that it is a member of, in its own file.
    pub parent: Group,
    pub header: ObjectHeader,
}

/// Where an object lies.
enum Place {
    Group(Rc<File>, Group),
    Member { file: Rc<File>, parent: Group, name: String, address: u64 },
}

impl<'a> Node<'a> {
    /// The root of the file that is read.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub(crate) fn root(files: &'a Files) -> Result<Self, DataError> {
        let file = files.open(&files.main)?;
        let group = file.hdf5.root_group().map_err(|error| damaged(&file.path, &error))?;
        Self::of(files, file, group, String::new())
    }

    fn of(files: &'a Files, file: Rc<File>, group: Group, prefix: String) -> Result<Self, DataError> {
        let links = links(&group).map_err(|error| damaged(&file.path, &error))?;
        Ok(Self { files, file, group, prefix, links })
    }

    /// Names of all links, whatever they lead to.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.links.iter().map(|link| link.name.as_str())
    }

    /// True if there is a link of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.link(name).is_some()
    }

    /// A member that is a group; none where it is something else or missing.
    ///
    /// # Errors
    /// When a link leads nowhere.
    pub(crate) fn group(&self, name: &str) -> Result<Option<Self>, DataError> {
        Ok(match self.object(name)? {
            Some(Object::Group(node)) => Some(node),
            _ => None,
        })
    }

    /// A total that the group states in an attribute.
    ///
    /// # Errors
    /// When it is no number.
    pub(crate) fn total(&self, name: &str) -> Result<Option<u64>, DataError> {
        let wrong = |error: &Error| {
            damaged(
                &self.file.path,
                &format!("the attribute '{name}' of '/{}' is unreadable: {error}", self.prefix),
            )
        };
        let attribute = match self.group.attribute(name) {
            Ok(attribute) => attribute,
            Err(Error::AttributeNotFound(_)) => return Ok(None),
            Err(error) => return Err(wrong(&error)),
        };
        attribute.read_as_f64().map(|total| Some(total as u64)).map_err(|error| wrong(&error))
    }

    fn link(&self, name: &str) -> Option<&LinkMessage> {
        self.links.iter().find(|link| link.name == name)
    }

    fn object(&self, name: &str) -> Result<Option<Object<'a>>, DataError> {
        let Some(link) = self.link(name) else { return Ok(None) };
        let full = self.place(name);
        let place = Walk { files: self.files, left: MAX_LINKS }.link(&self.file, &self.group, link).map_err(
            |problem| DataError::Link {
                path: self.files.main.clone(),
                link: full.clone(),
                target: describe(&link.target),
                problem,
            },
        )?;
        let (file, parent, member, address) = match place {
            Place::Group(file, group) => {
                return Self::of(self.files, file, group, full + "/").map(|node| Some(Object::Group(node)));
            }
            Place::Member { file, parent, name, address } => (file, parent, name, address),
        };
        let unreadable = |error: Error| DataError::Column {
            path: self.files.main.clone(),
            column: full.clone(),
            problem: trouble(&error),
        };
        let header = header_at(&parent, address).map_err(unreadable)?;
        if is_group(&header) {
            let group = parent.group(&member).map_err(unreadable)?;
            return Self::of(self.files, file, group, full + "/").map(|node| Some(Object::Group(node)));
        }
        if !header.messages.iter().any(|message| matches!(message, HdfMessage::DataLayout(_))) {
            return Ok(Some(Object::Other));
        }
        let dataset = parent.dataset(&member).map_err(unreadable)?;
        Ok(Some(Object::Dataset(Box::new(Stored { dataset, parent, header }))))
    }
}

impl Table for Node<'_> {
    type Column = Numbers;

    fn path(&self) -> &Path {
        &self.files.main
    }

    fn column(&self, name: &str) -> Result<Option<Numbers>, DataError> {
        let full = self.place(name);
        let wrong = |kind: &str| DataError::Column {
            path: self.files.main.clone(),
            column: full.clone(),
            problem: format!("is a {kind}, expected a data set of numbers"),
        };
        match self.object(name)? {
            None => Ok(None),
            Some(Object::Dataset(stored)) => Numbers::of(&self.files.main, full, *stored).map(Some),
            Some(Object::Group(_)) => Err(wrong("group")),
            Some(Object::Other) => Err(wrong("named type")),
        }
    }

    fn place(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// D4RL's kitchen has one data set `infos`, in place of a group.
    fn goals(&self) -> Result<Option<Numbers>, DataError> {
        self.group("infos")?.map_or(Ok(None), |infos| infos.column("goal"))
    }

    /// Groups end with a slash, and links say where they lead.
    fn list(&self) -> String {
        let mut all: Vec<String> = self
            .links
            .iter()
            .map(|link| match &link.target {
                LinkTarget::Hard { address } => {
                    let group = header_at(&self.group, *address).is_ok_and(|header| is_group(&header));
                    format!("{}{}", link.name, if group { "/" } else { "" })
                }
                target => format!("{} -> {}", link.name, describe(target)),
            })
            .collect();
        all.sort();
        if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
    }
}

/// The way from a link to its object. Its errors are what is wrong with the link, in a clause.
struct Walk<'a> {
    files: &'a Files,
    left: usize,
}

impl Walk<'_> {
    fn link(&mut self, file: &Rc<File>, parent: &Group, link: &LinkMessage) -> Result<Place, String> {
        if !matches!(link.target, LinkTarget::Hard { .. }) {
            self.left = self
                .left
                .checked_sub(1)
                .ok_or_else(|| format!("leads through more than {MAX_LINKS} links"))?;
        }
        match &link.target {
            LinkTarget::Hard { address } => Ok(Place::Member {
                file: Rc::clone(file),
                parent: parent.clone(),
                name: link.name.clone(),
                address: *address,
            }),
            LinkTarget::Soft { path } if path.starts_with('/') => {
                let root = root(file)?;
                self.path(file, root, path)
            }
            LinkTarget::Soft { path } => self.path(file, parent.clone(), path),
            LinkTarget::External { filename, path } => {
                let other = self
                    .files
                    .open_external(&file.path, filename)
                    .map_err(|error| format!("cannot be followed: {error}"))?;
                let root = root(&other)?;
                self.path(&other, root, path)
            }
        }
    }

    fn path(&mut self, file: &Rc<File>, from: Group, path: &str) -> Result<Place, String> {
        let mut place = Place::Group(Rc::clone(file), from);
        for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
            let (file, group) = match place {
                Place::Group(file, group) => (file, group),
                Place::Member { file, parent, name, .. } => {
                    let group =
                        parent.group(&name).map_err(|error| format!("cannot be followed: {error}"))?;
                    (file, group)
                }
            };
            let links = links(&group).map_err(|error| format!("cannot be followed: {error}"))?;
            let next = links
                .iter()
                .find(|link| link.name == part)
                .ok_or_else(|| format!("leads nowhere: {} has no '{part}' there", file.path.display()))?;
            place = self.link(&file, &group, next)?;
        }
        Ok(place)
    }
}

fn root(file: &File) -> Result<Group, String> {
    file.hdf5.root_group().map_err(|error| format!("cannot be followed: {error}"))
}

fn describe(target: &LinkTarget) -> String {
    match target {
        LinkTarget::Hard { .. } => "an object".to_owned(),
        LinkTarget::Soft { path } => path.clone(),
        LinkTarget::External { filename, path } => format!("{path} in {filename}"),
    }
}

fn header_at(group: &Group, address: u64) -> Result<ObjectHeader, Error> {
    ObjectHeader::parse_at_storage_with_limit(
        group.storage(),
        address,
        group.offset_size(),
        group.length_size(),
        DEFAULT_MAX_OBJECT_HEADER_BYTES,
    )
}

fn is_group(header: &ObjectHeader) -> bool {
    header.messages.iter().any(|message| {
        matches!(
            message,
            HdfMessage::SymbolTable(_)
                | HdfMessage::Link(_)
                | HdfMessage::LinkInfo(_)
                | HdfMessage::GroupInfo(_)
        )
    })
}

/// The links of a group, in whichever of three ways they are stored.
fn links(group: &Group) -> Result<Vec<LinkMessage>, Error> {
    let mut links = Vec::new();
    for message in &header_at(group, group.address())?.messages {
        match message {
            HdfMessage::SymbolTable(table) => links.extend(table_links(group, table)?),
            HdfMessage::Link(link) => links.push(link.clone()),
            HdfMessage::LinkInfo(info)
                if !Cursor::is_undefined_offset(info.fractal_heap_address, group.offset_size()) =>
            {
                links.extend(heap_links(group, info)?);
            }
            _ => {}
        }
    }
    Ok(links)
}

/// Links in a symbol table, as files have them that old versions of HDF5 can read.
fn table_links(group: &Group, table: &SymbolTableMessage) -> Result<Vec<LinkMessage>, Error> {
    let (storage, offsets, lengths) = (group.storage(), group.offset_size(), group.length_size());
    let heap = LocalHeap::parse_at_storage(storage, table.heap_address, offsets, lengths)?;
    let nodes =
        collect_btree_v1_leaves_storage(storage, table.btree_address, offsets, lengths, None, &[], None)?;
    let mut links = Vec::new();
    if nodes.is_empty() {
        return Ok(links);
    }
    let size = usize::try_from(heap.data_segment_size.min(storage.len())).unwrap_or(usize::MAX);
    let names = storage.read_range(heap.data_segment_address, size)?;
    let text = |offset: u64| -> Result<String, Error> {
        let rest = usize::try_from(offset).ok().and_then(|offset| names.as_ref().get(offset..));
        let end = rest.and_then(|rest| rest.iter().position(|&byte| byte == 0));
        let bytes = rest.zip(end).map(|(rest, end)| &rest[..end]);
        Ok(String::from_utf8_lossy(bytes.ok_or(Error::OffsetOutOfBounds(offset))?).into_owned())
    };
    for (_, address) in nodes {
        let entry = 2 * usize::from(offsets) + 24;
        let prefix = storage.read_range(address, 8)?;
        let count = prefix.as_ref().get(6..8).map_or(0, |count| u16::from_le_bytes([count[0], count[1]]));
        let bytes = storage.read_range(address, 8 + usize::from(count) * entry)?;
        for entry in SymbolTableNode::parse(&mut Cursor::new(bytes.as_ref()), offsets, lengths)?.entries {
            // A soft link has its target's place among the names in its scratch pad.
            let target = if entry.cache_type == 2 {
                let [a, b, c, d, ..] = entry.scratch;
                LinkTarget::Soft { path: text(u32::from_le_bytes([a, b, c, d]).into())? }
            } else {
                LinkTarget::Hard { address: entry.object_header_address }
            };
            links.push(LinkMessage { name: text(entry.link_name_offset)?, target, creation_order: None });
        }
    }
    Ok(links)
}

/// Links in a heap, as large groups have them.
fn heap_links(group: &Group, info: &LinkInfoMessage) -> Result<Vec<LinkMessage>, Error> {
    let (storage, offsets, lengths) = (group.storage(), group.offset_size(), group.length_size());
    let heap = FractalHeap::parse_at_storage(storage, info.fractal_heap_address, offsets, lengths)?;
    let tree = BTreeV2Header::parse_at_storage(storage, info.btree_name_index_address, offsets, lengths)?;
    let mut cache = FractalHeapDirectBlockCache::default();
    let mut links = Vec::new();
    for record in collect_btree_v2_records_storage(storage, &tree, offsets, lengths, None, &[], None)? {
        if let BTreeV2Record::LinkNameHash { heap_id, .. } = record {
            let bytes = heap.get_object_storage_cached(&heap_id, storage, offsets, lengths, &mut cache)?;
            links.push(link::parse(&mut Cursor::new(&bytes), offsets, lengths, bytes.len())?);
        }
    }
    Ok(links)
}
