using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Tests.Wire;
using LowLatency.Transport.Wire;

namespace LowLatency.Tests.Server;

/// <summary>Bytes of frames, good and bad.</summary>
internal static class Frames
{
    internal static byte[] Hello(Func<HelloFrame, HelloFrame>? change = null, string virtualHost = "/")
    {
        HelloFrame fields = new() { Magic = FrameLayout.Magic, Version = FrameLayout.Version, MinVersion = FrameLayout.Version };
        if (change != null)
            fields = change(fields);
        byte[] frame = new byte[FrameWriter.MaxControlLength];
        return frame[..FrameWriter.WriteHello(frame, fields, "test"u8, Encoding.UTF8.GetBytes(virtualHost))];
    }

    internal static byte[] Heartbeat()
    {
        byte[] frame = new byte[8];
        FrameWriter.WriteHeartbeat(frame);
        return frame;
    }

    internal static byte[] Publish(uint publication = 1, ulong sequence = 1, int bodyLength = 16)
    {
        byte[] frame = new byte[FrameWriter.PublishLength(0, 0, bodyLength)];
        FrameWriter.WritePublish(frame, publication, sequence, 0, new byte[bodyLength]);
        return frame;
    }

    internal static byte[] DeclareQueue(ReadOnlySpan<byte> name, uint request = 77)
    {
        byte[] frame = new byte[FrameWriter.MaxControlLength];
        return frame[..TestFrames.WriteDeclareQueue(frame, request, QueueFlags.None, 0, name)];
    }

    internal static byte[] Settle(byte kind = 1)
    {
        byte[] frame = new byte[48];
        FrameWriter.WriteSettle(frame, 1, (SettleKind)kind, 0, 1, 0, 0);
        return frame;
    }

    /// <summary>A header with that length, and zeros behind it.</summary>
    internal static byte[] Raw(FrameType type, uint length, int bytes = 64)
    {
        byte[] frame = new byte[bytes];
        BitConverter.TryWriteBytes(frame, length);
        frame[4] = (byte)type;
        return frame;
    }

    internal static byte[] Patched(byte[] frame, int offset, byte value)
    {
        frame[offset] = value;
        return frame;
    }
}
