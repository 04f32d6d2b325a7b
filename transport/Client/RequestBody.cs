using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace LowLatency.Client;

/// <summary>Encodes requests: the bytes that are behind the header of a frame, and behind the session of a command.</summary>
/// <remarks>
/// <code>
/// request u32 ▸ fields ▸ strings and tables
/// </code>
/// </remarks>
internal static class RequestBody
{
    /// <summary>What a command has before its request: the header of a frame is as long.</summary>
    private const int Ahead = 8;

    /// <param name="command">Its session is left out; its request is written when it is sent.</param>
    /// <param name="parts">Of <see cref="String(string)"/> and <see cref="Table"/>, in order.</param>
    internal static byte[] Of<TCommand>(in TCommand command, params ReadOnlySpan<byte[]> parts)
        where TCommand : unmanaged
    {
        ReadOnlySpan<byte> fields = MemoryMarshal.AsBytes(new ReadOnlySpan<TCommand>(in command))[Ahead..];
        int length = fields.Length;
        foreach (byte[] part in parts)
            length += part.Length;
        byte[] body = new byte[length];
        fields.CopyTo(body);
        int offset = fields.Length;
        foreach (byte[] part in parts)
        {
            part.CopyTo(body, offset);
            offset += part.Length;
        }

        return body;
    }

    internal static byte[] String(string text) => String(Encoding.UTF8.GetBytes(text));

    internal static byte[] String(byte[] utf8) => [(byte)utf8.Length, .. utf8];

    /// <exception cref="LowLatencyException">More than 65,535 bytes.</exception>
    internal static byte[] Table(ReadOnlySpan<byte> entries)
    {
        if (entries.Length > ushort.MaxValue)
            throw new LowLatencyException(Core.Engine.ErrorCode.InvalidArgument, $"The arguments have {entries.Length} bytes: they may have {ushort.MaxValue}.");
        byte[] table = new byte[sizeof(ushort) + entries.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(table, (ushort)entries.Length);
        entries.CopyTo(table.AsSpan(sizeof(ushort)));
        return table;
    }
}
