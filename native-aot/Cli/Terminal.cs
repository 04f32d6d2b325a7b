namespace LowLatency.Server.Cli;

/// <summary>Standard error as a place for progress: one line that is rewritten on a terminal, nothing where it is a file.</summary>
internal sealed class Terminal
{
    private readonly TextWriter _writer;
    private readonly bool _isTerminal;
    private bool _lineOpen;

    internal Terminal(TextWriter writer, bool isTerminal)
    {
        _writer = writer;
        _isTerminal = isTerminal;
    }

    internal static Terminal Error { get; } = new(Console.Error, !Console.IsErrorRedirected);

    /// <summary>Whether progress is worth computing.</summary>
    internal bool ShowsProgress => _isTerminal;

    /// <summary>Replaces the progress line.</summary>
    internal void Progress(string text)
    {
        if (!_isTerminal)
            return;
        // Return to the first column, write, erase what the longer line before left over.
        _writer.Write("\r" + text + "\x1b[K");
        _writer.Flush();
        _lineOpen = true;
    }

    /// <summary>Writes a line that stays, after erasing the progress line.</summary>
    internal void Line(string text)
    {
        if (_lineOpen)
            _writer.Write("\r\x1b[K");
        _lineOpen = false;
        _writer.WriteLine(text);
        _writer.Flush();
    }
}
