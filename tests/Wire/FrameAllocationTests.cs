using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Wire;

/// <summary>Publish, deliver, confirm, settle: no byte of managed memory, written and read, whole and split.</summary>
public unsafe class FrameAllocationTests
{
    private const int Count = 20_000;

    [Fact]
    public void ShouldNotAllocate()
    {
        byte[] wire = new byte[4096];
        byte[] body = new byte[128];
        ReceiveBuffer server = new(FrameReceiver.Server, 65_536);
        ReceiveBuffer client = new(FrameReceiver.Client, 65_536);
        HashingSink sink = new() { RefuseIn = -1 };
        server.Feed(ProtocolVectors.Opening(FrameReceiver.Server), ref sink, out _);
        client.Feed(ProtocolVectors.Opening(FrameReceiver.Client), ref sink, out _);
        // Warm-up: the pool buys its arrays once.
        RoundTrips(wire, body, server, client, ref sink);
        int frames = sink.Frames;

        long before = GC.GetAllocatedBytesForCurrentThread();
        RoundTrips(wire, body, server, client, ref sink);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);
        Assert.Equal(6 * Count, sink.Frames - frames);
        Assert.True(sink.Error.IsNone);
    }

    private static void RoundTrips(byte[] wire, byte[] body, ReceiveBuffer server, ReceiveBuffer client, ref HashingSink sink)
    {
        byte* block = stackalloc byte[MessageLayout.DeliveredBlockLength];
        new Span<byte>(block, MessageLayout.DeliveredBlockLength).Clear();
        for (uint i = 1; i <= Count; i++)
        {
            int length = FrameWriter.WritePublish(wire, 1, i, i, body);
            length += FrameWriter.WritePublish(wire.AsSpan(length), 1, i, i, "key"u8, "headers"u8, body);
            length += FrameWriter.WriteSettle(wire.AsSpan(length), 1, SettleKind.Ack, 0, i, 1, 0);
            Feed(server, wire.AsSpan(0, length), (int)(i % (uint)length), ref sink);

            length = FrameWriter.WriteDeliver(wire, 1, i, i, false, 0, i, block, body);
            length += FrameWriter.WriteConfirm(wire.AsSpan(length), 1, i, DurabilityLevel.Disk);
            length += FrameWriter.Write(wire.AsSpan(length), FrameType.Done, new DoneEvent { Request = i });
            Feed(client, wire.AsSpan(0, length), (int)(i % (uint)length), ref sink);
        }
    }

    private static void Feed(ReceiveBuffer buffer, ReadOnlySpan<byte> bytes, int cut, ref HashingSink sink)
    {
        buffer.Feed(bytes[..cut], ref sink, out _);
        buffer.Feed(bytes[cut..], ref sink, out _);
    }
}
