namespace LowLatency.Server.Lines;

/// <summary>Reads an input ahead on a thread of its own and hands it over in blocks of whole lines.</summary>
/// <remarks>
/// The thread that drives a connection must not block in a read of standard input: it has heartbeats to answer.
/// Bounded: at most <see cref="BlockCount"/> blocks exist. A block is handed over as soon as a read returned whole lines,
/// so a person who types sees each line sent.
/// </remarks>
internal sealed class LineReader
{
    internal const int BlockCount = 3;
    private const int FirstCapacity = 256 * 1024;
    private const byte Newline = (byte)'\n';

    private readonly Stream _source;
    private readonly int _maxLineLength;
    private readonly Action? _onBlock;
    private readonly object _gate = new(); // A monitor, not a Lock: the reader waits on it for a free block.
    private readonly Queue<LineBlock> _ready = new(BlockCount);
    private readonly Queue<LineBlock> _free = new(BlockCount);

    /// <param name="source">Read on the reader's thread until its end; not disposed.</param>
    /// <param name="maxLineLength">Longest line in bytes, its newline not counted.</param>
    /// <param name="onBlock">Called on the reader's thread when a block is there to take.</param>
    internal LineReader(Stream source, int maxLineLength, Action? onBlock = null)
    {
        _onBlock = onBlock;
        _source = source;
        _maxLineLength = maxLineLength;
        for (int i = 0; i < BlockCount; i++)
            _free.Enqueue(new LineBlock(Math.Min(FirstCapacity, maxLineLength + 1)));
    }

    /// <summary>Starts reading. The thread does not keep the process alive.</summary>
    internal void Start() => new Thread(Run) { IsBackground = true, Name = "line-reader" }.Start();

    /// <summary>Takes the next block if one is there. Never blocks. Give it back with <see cref="Return"/>.</summary>
    internal bool TryTake(out LineBlock block)
    {
        lock (_gate)
            return _ready.TryDequeue(out block!);
    }

    /// <summary>Gives a block back to be filled again.</summary>
    internal void Return(LineBlock block)
    {
        lock (_gate)
        {
            _free.Enqueue(block);
            Monitor.Pulse(_gate);
        }
    }

    private void Run()
    {
        LineBlock block = TakeFree();
        int searched = 0;
        while (true)
        {
            int read;
            try
            {
                read = _source.Read(block.Bytes.AsSpan(block.Length));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                block.Fault = error as IOException ?? new IOException(error.Message, error);
                Finish(block);
                return;
            }
            if (read == 0)
            {
                Finish(block);
                return;
            }
            block.Length += read;
            int lastNewline = block.Bytes.AsSpan(searched, block.Length - searched).LastIndexOf(Newline);
            if (lastNewline >= 0)
            {
                // The beginning of a line moves to the next block: it arrives whole.
                int whole = searched + lastNewline + 1;
                LineBlock next = TakeFree();
                CopyRest(block, whole, next);
                block.Length = whole;
                Offer(block);
                block = next;
            }
            searched = block.Length;
            if (block.Length > _maxLineLength)
            {
                block.Length = 0;
                block.IsFollowedByTooLongLine = true;
                Finish(block);
                return;
            }
            if (block.Length == block.Bytes.Length)
                Grow(block, block.Length + 1);
        }
    }

    private void CopyRest(LineBlock from, int start, LineBlock to)
    {
        int rest = from.Length - start;
        if (rest > to.Bytes.Length)
            Grow(to, rest);
        from.Bytes.AsSpan(start, rest).CopyTo(to.Bytes);
        to.Length = rest;
    }

    private void Grow(LineBlock block, int needed)
    {
        // One byte more than the longest line: enough to see its newline, or that it is too long.
        long capacity = Math.Max(needed, Math.Min(block.Bytes.Length * 2L, _maxLineLength + 1L));
        byte[] bytes = new byte[capacity];
        block.Bytes.AsSpan(0, block.Length).CopyTo(bytes);
        block.Bytes = bytes;
    }

    private void Finish(LineBlock block)
    {
        block.IsLast = true;
        Offer(block);
    }

    private void Offer(LineBlock block)
    {
        lock (_gate)
            _ready.Enqueue(block);
        _onBlock?.Invoke();
    }

    private LineBlock TakeFree()
    {
        lock (_gate)
        {
            while (_free.Count == 0)
                Monitor.Wait(_gate);
            LineBlock block = _free.Dequeue();
            block.Length = 0;
            return block;
        }
    }
}
