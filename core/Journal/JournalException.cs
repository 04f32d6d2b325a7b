namespace LowLatency.Core.Journal;

/// <summary>A journal could not be opened. The message says where, what, and what to do.</summary>
internal sealed class JournalException : Exception
{
    internal JournalException(JournalError error, string message, Exception? inner = null)
        : base(message, inner) => Error = error;

    internal JournalError Error { get; }

    /// <summary>Position of the first byte that is not as it was written; 0 when it is not about one.</summary>
    internal long Position { get; init; }

    /// <summary>The file that it is about, without its folder.</summary>
    internal string? FileName { get; init; }
}
