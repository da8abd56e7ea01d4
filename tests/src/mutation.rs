//! WebAssembly that was changed at random: mostly by little, and where it hurts.

use std::ops::Range;

use fastrand::Rng;

/// The longest stretch of bytes that is copied, cut out or put in.
const STRETCH_BYTES_MAX: usize = 64;
/// How deep components within components are changed.
const DEPTH_MAX: usize = 4;
/// The bytes before the first section: the magic number, version and layer.
const HEADER_BYTES: usize = 8;
/// The sections of a component that hold a module or a component.
const NESTED_SECTIONS: [u8; 2] = [1, 4];
/// Bytes that are often at the edge of something.
const EDGES: [u8; 8] = [0, 1, 0x0b, 0x3f, 0x40, 0x7f, 0x80, 0xff];

/// The section of a module with the bodies of its functions.
const CODE_SECTION: u8 = 10;
/// How often a place in it is sought.
const CODE_TRIES: usize = 64;
/// Operations that can stand in each other's place: sums of either width, comparisons, floats, blocks, loads, stores.
const SAME_TYPE: [&[u8]; 9] = [
    &[0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x74, 0x75, 0x77],
    &[0x7c, 0x7d, 0x7e, 0x80, 0x82, 0x83, 0x85, 0x86, 0x88, 0x89],
    &[0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4e],
    &[0x45, 0x67, 0x68, 0x69, 0xc0],
    &[0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5],
    &[0x99, 0x9a, 0x9b, 0x9c, 0x9e, 0x9f],
    &[0x02, 0x03],
    &[0x28, 0x2c, 0x2e],
    &[0x36, 0x3a, 0x3b],
];

/// One section of a binary.
#[derive(Debug, Clone)]
struct Section {
    id: u8,
    /// All of it, with its identifier and length.
    whole: Range<usize>,
    body: Range<usize>,
}

/// One of the bases, changed in so many places at most; the same seed makes the same mutant.
pub fn mutant(bases: &[Vec<u8>], changes_max: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed);
    let mut wasm = bases[rng.usize(..bases.len())].clone();
    let is_gentle = rng.u8(..3) > 0;
    for _ in 0..=rng.usize(..changes_max) {
        somewhere_in(&mut wasm, &mut rng, DEPTH_MAX, &mut |wasm, rng| match is_gentle {
            true => change_code(wasm, rng),
            false => change(wasm, bases, rng),
        });
    }
    wasm
}

/// Changes a binary, or mostly one that is in it: most of a component is in its modules.
fn somewhere_in(
    wasm: &mut Vec<u8>,
    rng: &mut Rng,
    depth: usize,
    change: &mut dyn FnMut(&mut Vec<u8>, &mut Rng),
) {
    let sections = sections(wasm);
    let nested: Vec<&Section> = sections.iter().filter(|section| is_nested(wasm, section)).collect();
    if depth == 0 || nested.is_empty() || rng.u8(..6) == 0 {
        return change(wasm, rng);
    }
    let section = nested[rng.usize(..nested.len())];
    let mut inner = wasm[section.body.clone()].to_vec();
    somewhere_in(&mut inner, rng, depth - 1, change);
    let whole = [&[section.id][..], &leb128(inner.len() as u64), &inner].concat();
    wasm.splice(section.whole.clone(), whole);
}

/// Changes what code does, and mostly leaves it valid.
fn change_code(wasm: &mut [u8], rng: &mut Rng) {
    let sections = sections(wasm);
    let Some(code) = sections.iter().find(|section| section.id == CODE_SECTION) else {
        return flip_bits(wasm, rng);
    };
    let code = &mut wasm[code.body.clone()];
    for _ in 0..CODE_TRIES {
        let at = rng.usize(..code.len().max(1));
        let found = code.get(at).and_then(|byte| SAME_TYPE.iter().find(|alike| alike.contains(byte)));
        if let Some(alike) = found {
            code[at] = alike[rng.usize(..alike.len())];
            return;
        }
        // The number behind i32.const, local.get, local.set, br or br_if, if it has one byte.
        let takes_a_number = at > 0 && [0x41, 0x20, 0x21, 0x0c, 0x0d].contains(&code[at - 1]);
        if takes_a_number && code[at] < 0x80 {
            code[at] = rng.u8(..0x80);
            return;
        }
    }
}

/// Changes anything, and mostly leaves nothing that is valid.
fn change(wasm: &mut Vec<u8>, bases: &[Vec<u8>], rng: &mut Rng) {
    let sections = sections(wasm);
    match rng.u8(..8) {
        0 => flip_bits(wasm, rng),
        1 => set_to_edges(wasm, rng),
        2 => splice(wasm, &bases[rng.usize(..bases.len())], rng),
        3 => move_bytes(wasm, rng),
        4 => move_sections(wasm, &sections, rng),
        5 => damage_a_length(wasm, &sections, rng),
        // Small sections are hit as often as large ones, and lengths stay right.
        _ => match sections.is_empty() {
            true => flip_bits(wasm, rng),
            false => {
                let body = sections[rng.usize(..sections.len())].body.clone();
                if rng.bool() { flip_bits(&mut wasm[body], rng) } else { set_to_edges(&mut wasm[body], rng) }
            }
        },
    }
}

fn flip_bits(wasm: &mut [u8], rng: &mut Rng) {
    for _ in 0..=rng.usize(..4) {
        if let Some(byte) = at_random(wasm, rng) {
            *byte ^= 1 << rng.u8(..8);
        }
    }
}

fn set_to_edges(wasm: &mut [u8], rng: &mut Rng) {
    for _ in 0..=rng.usize(..2) {
        let edge = EDGES[rng.usize(..EDGES.len())];
        if let Some(byte) = at_random(wasm, rng) {
            *byte = edge;
        }
    }
}

fn at_random<'a>(wasm: &'a mut [u8], rng: &mut Rng) -> Option<&'a mut u8> {
    let length = wasm.len();
    wasm.get_mut(rng.usize(..length.max(1)))
}

/// Writes a stretch of another binary over this one.
fn splice(wasm: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let (from, to) = (stretch(other.len(), rng), stretch(wasm.len(), rng));
    wasm.splice(to, other[from].iter().copied());
}

/// Cuts a stretch out, or puts it in at another place.
fn move_bytes(wasm: &mut Vec<u8>, rng: &mut Rng) {
    let stretch = stretch(wasm.len(), rng);
    if rng.bool() {
        wasm.drain(stretch);
    } else {
        let copy = wasm[stretch].to_vec();
        let at = rng.usize(..=wasm.len());
        wasm.splice(at..at, copy);
    }
}

/// Takes a section out, doubles it, or puts it in front of another.
fn move_sections(wasm: &mut Vec<u8>, sections: &[Section], rng: &mut Rng) {
    if sections.is_empty() {
        return flip_bits(wasm, rng);
    }
    let [from, to] = [(); 2].map(|()| sections[rng.usize(..sections.len())].whole.clone());
    let copy = wasm[from.clone()].to_vec();
    match rng.u8(..3) {
        0 => drop(wasm.drain(from)),
        1 => drop(wasm.splice(to.start..to.start, copy)),
        _ => {
            wasm.splice(from.clone(), []);
            let at = if to.start > from.start { to.start - copy.len() } else { to.start };
            wasm.splice(at..at, copy);
        }
    }
}

/// Makes the length of a section a little or very wrong, or writes it in another way.
fn damage_a_length(wasm: &mut Vec<u8>, sections: &[Section], rng: &mut Rng) {
    if sections.is_empty() {
        return flip_bits(wasm, rng);
    }
    let Section { whole, body, .. } = &sections[rng.usize(..sections.len())];
    let length = body.len() as u64;
    let damaged = match rng.u8(..6) {
        0 => leb128(length + 1),
        1 => leb128(length.saturating_sub(1)),
        2 => leb128(u32::MAX.into()),
        3 => leb128(rng.u64(..1 << 36)),
        4 => leb128(length / 2),
        // The same length in five bytes, which is allowed.
        _ => (0..5)
            .map(|index| ((length >> (7 * index)) & 0x7f) as u8 | if index < 4 { 0x80 } else { 0 })
            .collect(),
    };
    wasm.splice(whole.start + 1..body.start, damaged);
}

fn stretch(length: usize, rng: &mut Rng) -> Range<usize> {
    let start = rng.usize(..=length);
    start..length.min(start + rng.usize(..=STRETCH_BYTES_MAX))
}

/// The sections, up to the first that is damaged.
fn sections(wasm: &[u8]) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut start = HEADER_BYTES;
    while let Some(section) = section_at(wasm, start) {
        start = section.whole.end;
        sections.push(section);
    }
    sections
}

fn section_at(wasm: &[u8], start: usize) -> Option<Section> {
    let id = *wasm.get(start)?;
    let mut length = 0_usize;
    for index in 0..5 {
        let byte = *wasm.get(start + 1 + index)?;
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let body = start + 2 + index;
            let end = body.checked_add(length).filter(|end| *end <= wasm.len())?;
            return Some(Section { id, whole: start..end, body: body..end });
        }
    }
    None
}

fn is_nested(wasm: &[u8], section: &Section) -> bool {
    NESTED_SECTIONS.contains(&section.id) && wasm[section.body.clone()].starts_with(b"\0asm")
}

fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
