namespace LowLatency.Server.Lines;

/// <summary>Writes lines on a thread of its own and tells up to which delivery tag they are written.</summary>
/// <remarks>
/// The thread that drives a connection must not block in a write to a slow reader: it has heartbeats to answer. It fills
/// one buffer while the other is written. What it can hold is bounded by the credit of the subscription that fills it:
/// no acknowledgement goes out, and so no credit comes back, before the bytes are written.
/// </remarks>
internal sealed class LineWriter
{
    private const int FirstCapacity = 256 * 1024;
    private const byte Newline = (byte)'\n';

    private readonly int _descriptor;
    private readonly Action? _onWritten;
    private readonly object _gate = new(); // A monitor, not a Lock: the writing thread waits on it.

    // Poll thread.
    private byte[] _filling = new byte[FirstCapacity];
    private int _filled;
    private ulong _fillingTag;
    private bool _hasTag;

    // Handed over under _gate in one direction, by the release of _busy in the other.
    private byte[] _writing = new byte[FirstCapacity];
    private int _writingLength;
    private ulong _writingTag;
    private IOException? _fault;
    private bool _busy;
    private bool _stopping;

    /// <param name="descriptor">Open for writing; see <see cref="OutputFile"/>.</param>
    /// <param name="onWritten">Called on the writing thread when a buffer is written: <see cref="Step"/> has something to tell.</param>
    internal LineWriter(int descriptor, Action? onWritten = null)
    {
        _onWritten = onWritten;
        _descriptor = descriptor;
        new Thread(Run) { IsBackground = true, Name = "line-writer" }.Start();
    }

    /// <summary>All that was added is written, and <see cref="Written"/> says so.</summary>
    internal bool IsIdle => !_hasTag && Written == _writingTag;

    /// <summary>Every line up to this delivery tag is written; 0 before the first.</summary>
    /// <remarks>Changes only in <see cref="Step"/>.</remarks>
    internal ulong Written { get; private set; }

    /// <summary>Adds a line. Copied. Never blocks; allocates only while the buffer grows to the size that the credit allows.</summary>
    internal void Append(ReadOnlySpan<byte> body, bool withNewline, ulong tag)
    {
        int needed = _filled + body.Length + 1;
        if (needed > _filling.Length)
            Array.Resize(ref _filling, Math.Max(needed, _filling.Length * 2));
        body.CopyTo(_filling.AsSpan(_filled));
        _filled += body.Length;
        if (withNewline)
            _filling[_filled++] = Newline;
        Skip(tag);
    }

    /// <summary>Moves the tag without bytes: the line was added before.</summary>
    internal void Skip(ulong tag)
    {
        _fillingTag = tag;
        _hasTag = true;
    }

    /// <summary>Hands over what was added, when the last buffer is written. Never blocks.</summary>
    /// <returns>True when <see cref="Written"/> moved.</returns>
    /// <exception cref="IOException">The output refused; nothing after <see cref="Written"/> counts as written.</exception>
    internal bool Step()
    {
        if (Volatile.Read(ref _busy)) // Acquire: pairs with the release at the end of a write.
            return false;
        if (_fault != null)
            throw _fault;
        bool moved = Written != _writingTag;
        Written = _writingTag;
        if (_hasTag)
            HandOver();
        return moved;
    }

    /// <summary>Ends the thread. What was not handed over is not written.</summary>
    internal void Stop()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.Pulse(_gate);
        }
    }

    private void HandOver()
    {
        (_filling, _writing) = (_writing, _filling);
        _writingLength = _filled;
        _writingTag = _fillingTag;
        _filled = 0;
        _hasTag = false;
        lock (_gate)
        {
            _busy = true;
            Monitor.Pulse(_gate);
        }
    }

    private void Run()
    {
        while (true)
        {
            if (!WaitForBytes())
                return;
            try
            {
                OutputFile.WriteAll(_descriptor, _writing.AsSpan(0, _writingLength));
            }
            catch (IOException error)
            {
                _fault = error;
            }
            Volatile.Write(ref _busy, false);
            _onWritten?.Invoke();
        }
    }

    private bool WaitForBytes()
    {
        lock (_gate)
        {
            while (!_busy && !_stopping)
                Monitor.Wait(_gate);
            return !_stopping;
        }
    }
}
