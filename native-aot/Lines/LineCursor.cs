namespace LowLatency.Server.Lines;

/// <summary>Walks over the lines of a <see cref="LineReader"/>, one at a time, without copying.</summary>
/// <remarks>One thread. The current line is valid until <see cref="Advance"/>.</remarks>
internal sealed class LineCursor
{
    private readonly LineReader _reader;
    private LineBlock? _block;
    private int _start;
    private int _length;
    private bool _hasLine;

    internal LineCursor(LineReader reader) => _reader = reader;

    /// <summary>Number of the current line, or of the next when there is none; the first is 1.</summary>
    internal long LineNumber { get; private set; } = 1;

    /// <summary>The whole input was walked over, or reading ended early: see <see cref="Fault"/> and <see cref="IsTooLong"/>.</summary>
    internal bool IsAtEnd { get; private set; }

    /// <summary>Why reading ended early, if it did.</summary>
    internal IOException? Fault { get; private set; }

    /// <summary>Line <see cref="LineNumber"/> is over the limit; reading ended there.</summary>
    internal bool IsTooLong { get; private set; }

    /// <summary>The current line without its newline.</summary>
    internal ReadOnlySpan<byte> Line => _block!.Bytes.AsSpan(_start, _length);

    /// <summary>The current line is the last of the input and has no newline.</summary>
    internal bool IsWithoutNewline { get; private set; }

    /// <summary>Whether there is a current line; looks for one. Never blocks.</summary>
    /// <returns>False: none has arrived yet, or <see cref="IsAtEnd"/>.</returns>
    internal bool TryRead()
    {
        while (!_hasLine && !IsAtEnd)
        {
            if (_block == null && !_reader.TryTake(out _block))
                return false;
            if (_start < _block.Length)
                FindLine(_block);
            else
                LeaveBlock(_block);
        }
        return _hasLine;
    }

    /// <summary>Goes beyond the current line.</summary>
    internal void Advance()
    {
        _start += _length + (IsWithoutNewline ? 0 : 1);
        _hasLine = false;
        LineNumber++;
    }

    private void FindLine(LineBlock block)
    {
        ReadOnlySpan<byte> rest = block.Bytes.AsSpan(_start, block.Length - _start);
        int newline = rest.IndexOf((byte)'\n');
        IsWithoutNewline = newline < 0;
        _length = newline < 0 ? rest.Length : newline;
        _hasLine = true;
    }

    private void LeaveBlock(LineBlock block)
    {
        _start = 0;
        if (block.IsLast)
        {
            IsAtEnd = true;
            Fault = block.Fault;
            IsTooLong = block.IsFollowedByTooLongLine;
        }
        else
        {
            _reader.Return(block);
        }
        _block = null;
    }
}
