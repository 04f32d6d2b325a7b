using System.Runtime.InteropServices;
using LowLatency.Core.Engine;

namespace LowLatency.Transport.Server;

/// <summary>A message's bytes in memory of their own, for deliveries whose message stays in the log no longer than their event in the ring.</summary>
/// <remarks>Stands in an event in place of the position in the log, told apart by its sign: <c>i32 length, i32 0 ▸ the record's body</c>.</remarks>
internal static unsafe class CopiedMessage
{
    private const int HeaderLength = sizeof(long);

    internal static bool Is(long position) => position < 0;

    /// <returns>What stands for the copy; to be freed.</returns>
    internal static long Make(in MessageView message)
    {
        ReadOnlySpan<byte> record = message.Record;
        var block = (byte*)NativeMemory.Alloc((nuint)(HeaderLength + record.Length));
        *(long*)block = record.Length;
        record.CopyTo(new Span<byte>(block + HeaderLength, record.Length));
        return long.MinValue | (long)block;
    }

    internal static MessageView Read(long position)
    {
        byte* block = Block(position);
        return new MessageView(block + HeaderLength, *(int*)block);
    }

    internal static void Free(long position) => NativeMemory.Free(Block(position));

    private static byte* Block(long position) => (byte*)(position & long.MaxValue);
}
