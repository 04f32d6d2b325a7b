using System.Globalization;
using LowLatency.Transport.Wire;

namespace LowLatency.Server.Demo;

/// <summary>Figures of a broker's hot thread: the line that <c>serve --stats</c> writes at its end.</summary>
/// <param name="MessagesIn">Messages that came in and were stored.</param>
/// <param name="MessagesOut">Deliveries.</param>
/// <param name="Duplicates">Messages sent again that the broker had already.</param>
internal sealed record BrokerStats(long MessagesIn, long MessagesOut, long Duplicates)
{
    private const string Word = "stats";

    /// <summary>Managed bytes that the thread allocated for each message that came in, after warm-up; null when there were too few to say.</summary>
    internal double? AllocatedPerMessage { get; init; }

    /// <summary>What compression spared: in batches that came in, and in what was sent to clients that asked for them.</summary>
    internal (ByteCounts In, ByteCounts Out) Compressed { get; init; }

    /// <summary>Finds and reads the line.</summary>
    internal static BrokerStats? Find(IReadOnlyList<string> lines)
    {
        foreach (string line in lines)
        {
            if (line.StartsWith(Word + " ", StringComparison.Ordinal))
                return Parse(line.Split(' '));
        }
        return null;
    }

    /// <summary>The line.</summary>
    public override string ToString()
    {
        string allocated = AllocatedPerMessage?.ToString("0.####", CultureInfo.InvariantCulture) ?? "unknown";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Word} messages-in={MessagesIn} messages-out={MessagesOut} duplicates={Duplicates} allocated-bytes-per-message={allocated} compressed-in={Compressed.In} compressed-out={Compressed.Out}");
    }

    private static BrokerStats? Parse(string[] words)
        => TryCount(words, "messages-in", out long messagesIn)
            && TryCount(words, "messages-out", out long messagesOut)
            && TryCount(words, "duplicates", out long duplicates)
            ? new BrokerStats(messagesIn, messagesOut, duplicates)
            {
                Compressed = (Counts(words, "compressed-in"), Counts(words, "compressed-out")),
                AllocatedPerMessage = double.TryParse(Value(words, "allocated-bytes-per-message"), CultureInfo.InvariantCulture, out double bytes) ? bytes : null,
            }
            : null;

    private static ByteCounts Counts(string[] words, string name)
    {
        string[] parts = Value(words, name).Split('/');
        return parts.Length == 2 && long.TryParse(parts[0], CultureInfo.InvariantCulture, out long wire) && long.TryParse(parts[1], CultureInfo.InvariantCulture, out long frames)
            ? new ByteCounts(wire, frames)
            : default;
    }

    private static bool TryCount(string[] words, string name, out long count)
        => long.TryParse(Value(words, name), CultureInfo.InvariantCulture, out count);

    private static string Value(string[] words, string name)
    {
        foreach (string word in words)
        {
            if (word.StartsWith(name + "=", StringComparison.Ordinal))
                return word[(name.Length + 1)..];
        }
        return "";
    }
}
