"""WebAssembly modules that are made on the spot."""


def slow_to_compile(functions=1500, steps=500):
    """A command that does nothing, beside that many functions nobody calls, each of that many steps."""
    body = b"".join(_step(number) for number in range(steps))
    body = _code(b"\x01\x01\x7f" + body + b"\x41\x00\x20\x00\x36\x02\x00\x0b")
    start = _code(b"\x00\x0b")
    return b"\0asm\1\0\0\0" + b"".join([
        # One type: nothing in, nothing out.
        _section(1, _unsigned(1) + b"\x60\x00\x00"),
        _section(3, _unsigned(functions + 1) + b"\x00" * (functions + 1)),
        # One page of memory at least.
        _section(5, b"\x01\x00\x01"),
        _section(7, b"\x02" + _name("memory") + b"\x02\x00" + _name("_start") + b"\x00\x00"),
        _section(10, _unsigned(functions + 1) + start + body * functions),
    ])


def talkative(text):
    """A command that writes that text to its log, with at most a page of memory, and answers nothing."""
    where = 16
    write = b"\x00\x41\x02\x41\x00\x41\x01\x41\x08\x10\x00\x1a\x0b"
    # A list of one piece of memory, then the piece itself.
    memory = where.to_bytes(4, "little") + len(text).to_bytes(4, "little") + bytes(8) + text
    return b"\0asm\1\0\0\0" + b"".join([
        # Two types: nothing in, nothing out; and that of fd_write.
        _section(1, b"\x02\x60\x00\x00\x60\x04\x7f\x7f\x7f\x7f\x01\x7f"),
        _section(2, b"\x01" + _name("wasi_snapshot_preview1") + _name("fd_write") + b"\x00\x01"),
        _section(3, b"\x01\x00"),
        _section(5, b"\x01\x00\x01"),
        _section(7, b"\x02" + _name("memory") + b"\x02\x00" + _name("_start") + b"\x00\x01"),
        _section(10, b"\x01" + _code(write)),
        _section(11, b"\x01\x00\x41\x00\x0b" + _code(memory)),
    ])


def never_starts():
    """A command whose instances trap before they are there."""
    return b"\0asm\1\0\0\0" + b"".join([
        _section(1, _unsigned(1) + b"\x60\x00\x00"),
        _section(3, b"\x02\x00\x00"),
        _section(5, b"\x01\x00\x01"),
        _section(7, b"\x02" + _name("memory") + b"\x02\x00" + _name("_start") + b"\x00\x00"),
        # The start function is the second, which is nothing but a trap.
        _section(8, b"\x01"),
        _section(10, b"\x02" + _code(b"\x00\x0b") + _code(b"\x00\x00\x0b")),
    ])


def _step(number):
    # local 0 = local 0 * number + memory[number]
    return b"\x20\x00\x41" + _signed(number) + b"\x6c\x41" + _signed(4 * number) + b"\x28\x02\x00\x6a\x21\x00"


def _section(number, content):
    return bytes([number]) + _unsigned(len(content)) + content


def _code(content):
    return _unsigned(len(content)) + content


def _name(text):
    return _unsigned(len(text)) + text.encode()


def _unsigned(number):
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def _signed(number):
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        done = number == 0 and not low & 0x40
        out.append(low | (0 if done else 0x80))
        if done:
            return bytes(out)
