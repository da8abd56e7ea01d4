//! The records a zip is made of, as APPNOTE.TXT 6.3.10 has them. What they mean together is not known here.

const LOCAL_HEADER_SIGNATURE: u32 = 0x0403_4b50;
const CENTRAL_HEADER_SIGNATURE: u32 = 0x0201_4b50;
const END_64_SIGNATURE: u32 = 0x0606_4b50;
const END_64_LOCATOR_SIGNATURE: u32 = 0x0706_4b50;
/// How the record begins that ends a zip.
pub(super) const END_SIGNATURE: u32 = 0x0605_4b50;
/// How long that record is, without the comment.
pub(super) const END_BYTES: usize = 22;
/// How long the record is that says where the wide one is.
pub(super) const END_64_LOCATOR_BYTES: usize = 20;

const EXTRA_ZIP64: u16 = 0x0001;
const EXTRA_UNICODE_PATH: u16 = 0x7075;

/// A header in the directory.
pub(super) struct CentralHeader<'a> {
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    pub(super) attributes: u32,
    pub(super) offset: u64,
    pub(super) name: &'a [u8],
    pub(super) extra: Extra<'a>,
}

impl<'a> CentralHeader<'a> {
    pub(super) fn read(fields: &mut Fields<'a>) -> Option<Self> {
        fields.signature(CENTRAL_HEADER_SIGNATURE)?;
        let _versions = fields.u32()?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        let _modified = fields.u32()?;
        let (crc, packed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (name_bytes, extra_bytes, comment_bytes) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let _disk = fields.u16()?;
        let _is_text = fields.u16()?;
        let (attributes, offset) = (fields.u32()?, fields.u32()?);
        let (name, extra) = (fields.bytes(name_bytes.into())?, fields.bytes(extra_bytes.into())?);
        let _comment = fields.bytes(comment_bytes.into())?;
        let (packed, size, offset) = (packed.into(), size.into(), offset.into());
        Some(Self { flags, method, crc, packed, size, attributes, offset, name, extra: Extra(extra) })
    }
}

/// The header of an entry itself.
pub(super) struct LocalHeader<'a> {
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    pub(super) name: &'a [u8],
    pub(super) extra: Extra<'a>,
}

impl<'a> LocalHeader<'a> {
    pub(super) fn read(fields: &mut Fields<'a>) -> Option<Self> {
        fields.signature(LOCAL_HEADER_SIGNATURE)?;
        let _version = fields.u16()?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        let _modified = fields.u32()?;
        let (crc, packed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (name_bytes, extra_bytes) = (fields.u16()?, fields.u16()?);
        let (name, extra) = (fields.bytes(name_bytes.into())?, fields.bytes(extra_bytes.into())?);
        Some(Self { flags, method, crc, packed: packed.into(), size: size.into(), name, extra: Extra(extra) })
    }
}

/// The record at the end of every zip.
pub(super) struct EndRecord {
    pub(super) disk: u16,
    pub(super) directory_disk: u16,
    pub(super) entries_here: u16,
    pub(super) entries: u16,
    pub(super) directory_bytes: u32,
    pub(super) directory_offset: u32,
    pub(super) comment_bytes: u16,
}

impl EndRecord {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.signature(END_SIGNATURE)?;
        Some(Self {
            disk: fields.u16()?,
            directory_disk: fields.u16()?,
            entries_here: fields.u16()?,
            entries: fields.u16()?,
            directory_bytes: fields.u32()?,
            directory_offset: fields.u32()?,
            comment_bytes: fields.u16()?,
        })
    }
}

/// The same record with wider numbers; it stands before the other one where they are needed.
pub(super) struct EndRecord64 {
    pub(super) disk: u32,
    pub(super) directory_disk: u32,
    pub(super) entries_here: u64,
    pub(super) entries: u64,
    pub(super) directory_bytes: u64,
    pub(super) directory_offset: u64,
}

impl EndRecord64 {
    pub(super) fn of(end: &EndRecord) -> Self {
        Self {
            disk: end.disk.into(),
            directory_disk: end.directory_disk.into(),
            entries_here: end.entries_here.into(),
            entries: end.entries.into(),
            directory_bytes: end.directory_bytes.into(),
            directory_offset: end.directory_offset.into(),
        }
    }

    /// Reads a record that takes up all of the bytes.
    pub(super) fn read(mut fields: Fields<'_>) -> Option<Self> {
        fields.signature(END_64_SIGNATURE)?;
        let record_bytes = fields.u64()?;
        if record_bytes != fields.0.len() as u64 {
            return None;
        }
        let _versions = fields.u32()?;
        let record = Self {
            disk: fields.u32()?,
            directory_disk: fields.u32()?,
            entries_here: fields.u64()?,
            entries: fields.u64()?,
            directory_bytes: fields.u64()?,
            directory_offset: fields.u64()?,
        };
        fields.0.is_empty().then_some(record)
    }

    /// Whether the narrow record says the same wherever it says anything.
    pub(super) fn agrees_with(&self, end: &EndRecord) -> bool {
        let short = |wide: u64, narrow: u16| narrow == u16::MAX || u64::from(narrow) == wide;
        let long = |wide: u64, narrow: u32| narrow == u32::MAX || u64::from(narrow) == wide;
        short(self.disk.into(), end.disk)
            && short(self.directory_disk.into(), end.directory_disk)
            && short(self.entries_here, end.entries_here)
            && short(self.entries, end.entries)
            && long(self.directory_bytes, end.directory_bytes)
            && long(self.directory_offset, end.directory_offset)
    }
}

/// Where the wide record is.
pub(super) struct Locator {
    pub(super) offset: u64,
    pub(super) disks: u32,
}

impl Locator {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.signature(END_64_LOCATOR_SIGNATURE)?;
        let _disk = fields.u32()?;
        Some(Self { offset: fields.u64()?, disks: fields.u32()? })
    }
}

/// The extra fields of a header.
pub(super) struct Extra<'a>(&'a [u8]);

impl<'a> Extra<'a> {
    /// Every field with its kind; `None` stands for a damaged one, which is the last.
    fn fields(&self) -> impl Iterator<Item = Option<(u16, &'a [u8])>> {
        let mut rest = Fields(self.0);
        std::iter::from_fn(move || {
            // Some tools fill up with a few zeros, which make no field.
            if rest.0.len() < 4 {
                return None;
            }
            let (kind, bytes) = (rest.u16()?, rest.u16()?);
            let field = rest.bytes(bytes.into()).map(|field| (kind, field));
            if field.is_none() {
                rest = Fields(&[]);
            }
            Some(field)
        })
    }

    /// Puts the wide numbers, of which there may be one field, in place of those that say that they are there.
    pub(super) fn apply(&self, sizes: &mut [u64]) -> Option<()> {
        let fields: Vec<(u16, &[u8])> = self.fields().collect::<Option<_>>()?;
        let Some((_, wide)) = fields.iter().find(|(kind, _)| *kind == EXTRA_ZIP64) else { return Some(()) };
        let mut wide = Fields(wide);
        for size in sizes.iter_mut().filter(|size| **size == u64::from(u32::MAX)) {
            *size = wide.u64()?;
        }
        Some(())
    }

    /// Whether some programs would read another name than that of the header.
    pub(super) fn renames(&self, name: &[u8]) -> bool {
        // Before the name stand a version and a checksum, of five bytes together.
        self.fields()
            .flatten()
            .any(|(kind, field)| kind == EXTRA_UNICODE_PATH && field.get(5..) != Some(name))
    }
}

/// Numbers and bytes in a row; `None` where the row is too short.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N).map(|bytes| bytes.try_into().expect("there are N bytes"))
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn signature(&mut self, expected: u32) -> Option<()> {
        (self.u32()? == expected).then_some(())
    }
}
