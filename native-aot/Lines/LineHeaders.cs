namespace LowLatency.Server.Lines;

/// <summary>How the lines of a file travel: each without its newline, which goes without saying.</summary>
internal static class LineHeaders
{
    /// <summary>Headers of the last line of an input that does not end with a newline, so that it comes back byte for byte.</summary>
    internal static ReadOnlySpan<byte> WithoutNewline => "newline=none"u8;

    internal static bool SayWithoutNewline(ReadOnlySpan<byte> headers) => headers.SequenceEqual(WithoutNewline);
}
