namespace LowLatency.Server.Lines;

/// <summary>A run of input: whole lines, each with its newline; only the last block of an input may end without one.</summary>
internal sealed class LineBlock
{
    internal LineBlock(int capacity) => Bytes = new byte[capacity];

    /// <summary>Grows with lines that are read, never beyond the longest line allowed and its newline.</summary>
    internal byte[] Bytes { get; set; }

    internal int Length { get; set; }

    /// <summary>Nothing comes after this block.</summary>
    internal bool IsLast { get; set; }

    /// <summary>After the bytes of this block comes a line over the limit. Reading stopped there.</summary>
    internal bool IsFollowedByTooLongLine { get; set; }

    /// <summary>Reading failed after the bytes of this block.</summary>
    internal IOException? Fault { get; set; }
}
