using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Wire;

/// <summary>Chunks in, frames out: the same however the bytes are cut, bounded by the bytes received.</summary>
public class ReceiveBufferTests
{
    public static TheoryData<string> FrameNames => new(ProtocolVectors.Frames.Select(frame => frame.Name));

    private static readonly int MaxFrameLength = ProtocolVectors.MaxFrameLength;

    // Everything that one side sends in the vectors, as one stream that starts as a connection does.
    private static byte[] Stream(FrameReceiver receiver) =>
    [
        .. ProtocolVectors.Opening(receiver),
        .. ProtocolVectors.Frames.Where(frame => frame.IsFor(receiver)).SelectMany(frame => frame.Bytes),
    ];

    private static List<string> Events(FrameReceiver receiver, byte[] stream, params int[] cuts)
    {
        using ReceiveBuffer buffer = new(receiver, MaxFrameLength);
        using BatchOpener batches = new(receiver, isAgreed: true, MaxFrameLength);
        RecordingSink sink = new() { Batches = batches };
        int start = 0;
        int taken = 0;
        foreach (int end in cuts.Append(stream.Length))
        {
            taken += buffer.Feed(stream.AsSpan(start, end - start), ref sink, out FrameError error);
            start = end;
            if (!error.IsNone)
            {
                sink.Events.Add($"refused {error}");
                return sink.Events;
            }

            Assert.Equal(end - taken, buffer.HeldLength);
            Assert.InRange(buffer.Capacity, 0, Math.Max(256, 2 * end));
        }

        Assert.Equal(0, buffer.HeldLength);
        Assert.Equal(0, buffer.Capacity);
        return sink.Events;
    }

    private static int FramesIn(ReadOnlySpan<byte> content)
    {
        int count = 0;
        for (; !content.IsEmpty; content = content[FrameReader.NeededLength(content)..])
            count++;
        return count;
    }

    [Theory, InlineData(0), InlineData(1)]
    public void ShouldGiveTheSameEventsAtEverySplit(int side)
    {
        FrameReceiver receiver = (FrameReceiver)side;
        byte[] stream = Stream(receiver);
        List<string> whole = Events(receiver, stream);
        Assert.Equal(1 + ProtocolVectors.Frames.Where(frame => frame.IsFor(receiver)).Sum(frame => frame.Type == FrameType.Batch ? FramesIn(frame.Content) : 1), whole.Count);

        for (int cut = 0; cut <= stream.Length; cut++)
            Assert.Equal(whole, Events(receiver, stream, cut));
        Assert.Equal(whole, Events(receiver, stream, [.. Enumerable.Range(1, stream.Length - 1)]));
    }

    [Fact]
    public void ShouldGiveTheSameEventsOfTheSessionAtEveryPairOfSplits()
    {
        foreach (FrameReceiver receiver in Enum.GetValues<FrameReceiver>())
        {
            string sender = receiver == FrameReceiver.Server ? "client" : "server";
            byte[] stream = [.. ProtocolVectors.Session.Where(step => step.Sender == sender).Take(4).SelectMany(step => step.Frame.Bytes)];
            List<string> whole = Events(receiver, stream);
            Assert.Equal(4, whole.Count);

            for (int first = 0; first <= stream.Length; first++)
            {
                for (int second = first; second <= stream.Length; second++)
                    Assert.Equal(whole, Events(receiver, stream, first, second));
            }
        }
    }

    [Fact]
    public void ShouldRefuseMalformedFramesTheSameAtEverySplit()
    {
        foreach (ProtocolVectors.Malformed vector in ProtocolVectors.MalformedFrames)
        {
            byte[] stream = vector.Opening ? vector.Bytes : [.. ProtocolVectors.Opening(vector.Receiver), .. vector.Bytes];
            (List<string> whole, bool isRefusedWhole) = Refusal(vector, stream, stream.Length);

            for (int cut = 1; cut < stream.Length; cut++)
            {
                (List<string> events, bool isRefused) = Refusal(vector, stream, cut);
                Assert.Equal(whole, events);
                Assert.Equal(isRefusedWhole, isRefused);
            }
        }

        static (List<string> Events, bool IsRefused) Refusal(ProtocolVectors.Malformed vector, byte[] stream, int cut)
        {
            using ReceiveBuffer buffer = new(vector.Receiver, MaxFrameLength);
            using BatchOpener batches = new(vector.Receiver, vector.Compression, MaxFrameLength);
            RecordingSink sink = new() { Batches = batches };
            buffer.Feed(stream.AsSpan(0, cut), ref sink, out FrameError error);
            if (error.IsNone && sink.Error.IsNone)
                buffer.Feed(stream.AsSpan(cut), ref sink, out error);
            if (!error.IsNone)
                sink.Events.Add($"refused {error}");
            else if (sink.Events.Count == 0 || !sink.Events[^1].StartsWith("error ", StringComparison.Ordinal))
                sink.Events.Add($"error {sink.Error}"); // Of the batch, not of a frame.
            Assert.Contains(vector.Code.ToString(System.Globalization.CultureInfo.InvariantCulture), sink.Events[^1], StringComparison.Ordinal);
            return (sink.Events, !error.IsNone);
        }
    }

    [Theory, MemberData(nameof(FrameNames))]
    public void ShouldWaitAtEveryTruncation(string name)
    {
        ProtocolVectors.Frame vector = ProtocolVectors.Get(name);
        foreach (FrameReceiver receiver in Enum.GetValues<FrameReceiver>().Where(vector.IsFor))
        {
            for (int cut = 0; cut < vector.Bytes.Length; cut++)
            {
                using ReceiveBuffer buffer = new(receiver, MaxFrameLength);
                RecordingSink sink = new();
                buffer.Feed(ProtocolVectors.Opening(receiver), ref sink, out _);

                Assert.Equal(0, buffer.Feed(vector.Bytes.AsSpan(0, cut), ref sink, out FrameError error));
                Assert.True(error.IsNone, error.ToString());
                Assert.Equal(cut, buffer.HeldLength);
                Assert.Single(sink.Events);
                Assert.Equal(cut < 8 ? 8 : vector.Bytes.Length, FrameReader.NeededLength(vector.Bytes.AsSpan(0, cut)));

                Assert.Equal(vector.Bytes.Length, buffer.Feed(vector.Bytes.AsSpan(cut), ref sink, out error));
                Assert.Equal(2, sink.Events.Count);
                Assert.Equal(vector.Fields, FrameFields.Decode(sink.Frames[1], out _));
            }
        }
    }

    [Theory, MemberData(nameof(FrameNames))]
    public void ShouldRefuseEveryShorterClaim(string name)
    {
        // The header claims a shorter frame than the fields need: refused, unless what is cut off is a body.
        ProtocolVectors.Frame vector = ProtocolVectors.Get(name);
        if (vector.Type is FrameType.Publish or FrameType.Deliver or FrameType.DeliverConflated)
            return;
        FrameReceiver receiver = vector.IsFor(FrameReceiver.Server) ? FrameReceiver.Server : FrameReceiver.Client;
        int exact = BitConverter.ToInt32(vector.Bytes);
        for (int claimed = 0; claimed < exact; claimed++)
        {
            byte[] frame = [.. vector.Bytes];
            BitConverter.TryWriteBytes(frame, claimed);
            // Zero what becomes padding, so that the length alone is wrong.
            if (claimed >= 8)
                frame.AsSpan(claimed, FrameLayout.PaddedLength(claimed) - claimed).Clear();
            using BatchOpener batches = new(receiver, isAgreed: true, MaxFrameLength);
            RecordingSink sink = new() { Batches = batches };

            FrameReader.Read(frame, receiver, MaxFrameLength, ref sink, out FrameError error);

            Assert.True(!error.IsNone || !sink.Error.IsNone, $"{name} cut to {claimed}");
            Assert.Equal(ErrorCode.FrameError, error.IsNone ? sink.Error.Code : error.Code);
        }
    }

    [Fact]
    public void ShouldRefuseAHeaderBeforeItsFrameIsThere()
    {
        using ReceiveBuffer buffer = new(FrameReceiver.Server, MaxFrameLength);
        RecordingSink sink = new();
        buffer.Feed(ProtocolVectors.Opening(FrameReceiver.Server), ref sink, out _);

        buffer.Feed([0xFF, 0xFF, 0xFF, 0x7F, (byte)FrameType.Publish, 0, 0], ref sink, out FrameError error);
        Assert.True(error.IsNone);
        buffer.Feed([0], ref sink, out error);

        Assert.Equal(ErrorCode.FrameTooLarge, error.Code);
        Assert.Equal(0, buffer.Capacity);
        Assert.Throws<InvalidOperationException>(() => buffer.Feed([0], ref sink, out _));
    }

    [Fact]
    public void ShouldGrowWithBytesReceivedNotWithTheLengthClaimed()
    {
        using ReceiveBuffer buffer = new(FrameReceiver.Server, MaxFrameLength);
        RecordingSink sink = new();
        buffer.Feed(ProtocolVectors.Opening(FrameReceiver.Server), ref sink, out _);
        byte[] frame = new byte[FrameWriter.PublishLength(0, 0, FrameFields.MaxBodyLength)];
        FrameWriter.WritePublish(frame, 1, 1, 0, new byte[FrameFields.MaxBodyLength]);

        for (int start = 0; start < frame.Length; start += 1000)
        {
            int received = Math.Min(start + 1000, frame.Length);
            buffer.Feed(frame.AsSpan(start, received - start), ref sink, out _);
            if (received < frame.Length)
                Assert.InRange(buffer.Capacity, received, Math.Max(2 * received, 256));
        }

        Assert.Equal(2, sink.Frames.Count);
        Assert.Equal(0, buffer.Capacity);
    }

    [Fact]
    public void ShouldOfferAgainWhatTheSinkStoppedAt()
    {
        byte[] stream = Stream(FrameReceiver.Server);
        List<string> whole = Events(FrameReceiver.Server, stream);
        for (int cut = 0; cut <= stream.Length; cut += 7)
        {
            // Takes every third offer only.
            int offers = 0;
            using ReceiveBuffer buffer = new(FrameReceiver.Server, MaxFrameLength);
            using BatchOpener batches = new(FrameReceiver.Server, isAgreed: true, MaxFrameLength);
            RecordingSink sink = new() { Takes = () => ++offers % 3 == 0, Batches = batches };
            foreach (Range part in new[] { ..cut, cut.. })
            {
                buffer.Feed(stream.AsSpan(part), ref sink, out FrameError error);
                while (buffer.IsStopped)
                {
                    Assert.Throws<InvalidOperationException>(() => buffer.Feed(stream, ref sink, out _));
                    buffer.Resume(ref sink, out error);
                }

                Assert.True(error.IsNone, error.ToString());
            }

            Assert.Equal(whole, sink.Events);
            Assert.Equal(0, buffer.Capacity);
        }
    }

    [Fact]
    public void ShouldServeAnotherConnectionAfterDispose()
    {
        ReceiveBuffer buffer = new(FrameReceiver.Server, MaxFrameLength);
        RecordingSink sink = new();
        buffer.Feed("GET / HTTP/1.1\r\n"u8, ref sink, out FrameError error);
        Assert.Equal(ErrorCode.NotThisProtocol, error.Code);

        buffer.Dispose();
        buffer.Feed(ProtocolVectors.Opening(FrameReceiver.Server), ref sink, out error);

        Assert.True(error.IsNone);
        Assert.Single(sink.Frames);
    }

    [Fact]
    public void ShouldAcceptARefusalInsteadOfAWelcome()
    {
        using ReceiveBuffer buffer = new(FrameReceiver.Client, MaxFrameLength);
        RecordingSink sink = new();

        buffer.Feed(ProtocolVectors.Get("error").Bytes, ref sink, out FrameError error);

        Assert.True(error.IsNone, error.ToString());
        Assert.Single(sink.Frames);
    }
}
