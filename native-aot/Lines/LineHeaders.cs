using LowLatency.Client;

namespace LowLatency.Server.Lines;

/// <summary>How the lines of a file travel: each without its newline, which goes without saying.</summary>
internal static class LineHeaders
{
    private static ReadOnlySpan<byte> Name => "newline"u8;

    /// <summary>Marks the last line of an input that does not end with a newline, so that it comes back byte for byte.</summary>
    internal static void MarkWithoutNewline(MessageProperties properties) => properties.Table.Add("newline", false);

    internal static bool SayWithoutNewline(in Properties properties) => properties.TryGetBoolean(Name, out bool hasNewline) && !hasNewline;
}
