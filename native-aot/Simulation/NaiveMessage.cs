using System.Runtime.InteropServices;
using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>A message as its publisher sent it, told apart from every other by <see cref="Id"/>, which is its time of publication.</summary>
internal sealed class NaiveMessage
{
    internal NaiveMessage(long id, string ownKey, NaiveHeaders headers, int bodyLength)
    {
        Id = id;
        OwnKey = ownKey;
        Headers = headers;
        HeaderBytes = headers.Encode();
        Body = new byte[bodyLength];
        Fill(Body, (ulong)id);
    }

    internal long Id { get; }

    /// <summary>Sent with the message; empty: the publication's.</summary>
    internal string OwnKey { get; }

    internal NaiveHeaders Headers { get; }

    /// <summary>What is sent: <see cref="Headers"/>, or what is none.</summary>
    internal byte[] HeaderBytes { get; init; }

    internal byte[] Body { get; }

    /// <summary>Level that the client was told of.</summary>
    internal DurabilityLevel Confirmed { get; set; }

    public override string ToString() => $"message {Id} ({Body.Length} bytes{(OwnKey.Length > 0 ? $", key '{OwnKey}'" : "")}{(HeaderBytes.Length > 0 ? $", {Headers}" : "")})";

    private static void Fill(byte[] bytes, ulong state)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes.AsSpan());
        for (int i = 0; i < words.Length; i++)
            words[i] = state = state * 6364136223846793005 + 1442695040888963407;
        for (int i = words.Length * sizeof(ulong); i < bytes.Length; i++)
            bytes[i] = (byte)(state >> (i & 7) * 8);
    }
}
