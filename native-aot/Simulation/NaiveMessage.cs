using System.Buffers.Binary;
using System.Runtime.InteropServices;
using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>A message as its publisher sent it, told apart from every other by <see cref="Id"/>, which is also in its body.</summary>
internal sealed class NaiveMessage
{
    internal NaiveMessage(long id, string ownKey, int headersLength, int bodyLength)
    {
        Id = id;
        OwnKey = ownKey;
        Headers = headersLength < HeadersFrame ? [] : new byte[headersLength];
        Body = new byte[bodyLength];
        FillHeaders(Headers, (ulong)id * 3 + 1);
        Fill(Body, (ulong)id);
    }

    internal long Id { get; }

    /// <summary>Sent with the message; empty: the publication's.</summary>
    internal string OwnKey { get; }

    internal byte[] Headers { get; }

    internal byte[] Body { get; }

    /// <summary>Level that the client was told of.</summary>
    internal DurabilityLevel Confirmed { get; set; }

    public override string ToString() => $"message {Id} ({Body.Length} bytes)";

    /// <summary>Property flags, a table's length, and in it one entry: a name of one letter, type, length.</summary>
    private const int HeadersFrame = 2 + 4 + 2 + 1 + 4;

    /// <summary>A header table with one entry that fills it.</summary>
    private static void FillHeaders(byte[] headers, ulong state)
    {
        if (headers.Length == 0)
            return;
        Fill(headers, state);
        BinaryPrimitives.WriteUInt16BigEndian(headers, 1 << 13);
        BinaryPrimitives.WriteInt32BigEndian(headers.AsSpan(2), headers.Length - 6);
        headers[6] = 1;
        headers[7] = (byte)'h';
        headers[8] = (byte)'x';
        BinaryPrimitives.WriteInt32BigEndian(headers.AsSpan(9), headers.Length - HeadersFrame);
    }

    private static void Fill(byte[] bytes, ulong state)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes.AsSpan());
        for (int i = 0; i < words.Length; i++)
            words[i] = state = state * 6364136223846793005 + 1442695040888963407;
        for (int i = words.Length * sizeof(ulong); i < bytes.Length; i++)
            bytes[i] = (byte)(state >> (i & 7) * 8);
    }
}

/// <summary>A message that the broker took: with the key it was routed by, and where its record ends. Taken twice, it is two of them.</summary>
internal sealed class StoredMessage(NaiveMessage message, string key, bool isJournaled, long end)
{
    internal NaiveMessage Message { get; } = message;

    /// <summary>Routing key.</summary>
    internal string Key { get; } = key;

    /// <summary>In the journal; otherwise in memory only.</summary>
    internal bool IsJournaled { get; } = isJournaled;

    /// <summary>End of its record in its log.</summary>
    internal long End { get; } = end;

    internal int PayloadLength => Key.Length + Message.Headers.Length + Message.Body.Length;
}
