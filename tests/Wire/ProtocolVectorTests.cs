using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Wire;

/// <summary>The bytes in docs/protocol-vectors.json are what this code writes, reads and refuses.</summary>
public class ProtocolVectorTests
{
    public static TheoryData<string> FrameNames => new(ProtocolVectors.Frames.Select(frame => frame.Name));

    public static TheoryData<string> MalformedNames => new(ProtocolVectors.MalformedFrames.Select(frame => frame.Name));

    [Theory, MemberData(nameof(FrameNames))]
    public void ShouldEncodeToTheVector(string name)
    {
        ProtocolVectors.Frame vector = ProtocolVectors.Get(name);

        Assert.Equal(Convert.ToHexString(vector.Bytes), Convert.ToHexString(FrameFields.Encode(vector.Type, vector.Fields)));
    }

    [Theory, MemberData(nameof(FrameNames))]
    public void ShouldDecodeTheVector(string name)
    {
        ProtocolVectors.Frame vector = ProtocolVectors.Get(name);
        foreach (FrameReceiver receiver in Enum.GetValues<FrameReceiver>().Where(vector.IsFor))
        {
            RecordingSink sink = new();

            int consumed = FrameReader.Read(vector.Bytes, receiver, ProtocolVectors.MaxFrameLength, ref sink, out FrameError error);

            Assert.True(error.IsNone, error.ToString());
            Assert.Equal(vector.Bytes.Length, consumed);
            Assert.Equal(vector.Fields, FrameFields.Decode(Assert.Single(sink.Frames), out _));
        }
    }

    [Fact]
    public void ShouldDecompressTheBatchesOfTheVectors()
    {
        using BatchCodec codec = BatchOpener.NewCodec();
        var batches = ProtocolVectors.Frames.Where(frame => frame.Type == FrameType.Batch).ToList();
        Assert.Contains(batches, batch => batch.Content.Length > batch.Bytes.Length); // One that is compressed, not stored.
        foreach (ProtocolVectors.Frame batch in batches)
        {
            int length = (int)BitConverter.ToUInt32(batch.Bytes);

            Assert.True(codec.TryOpen(batch.Bytes.AsSpan(0, length), batch, 0, out ReadOnlySpan<byte> frames, out FrameError error), error.ToString());

            Assert.Equal(batch.Content, frames.ToArray());
        }
    }

    [Fact]
    public void ShouldHaveAVectorForEachType() =>
        Assert.Equal(Enum.GetValues<FrameType>().Order(), ProtocolVectors.Frames.Select(frame => frame.Type).Distinct().Order());

    [Theory, MemberData(nameof(FrameNames))]
    public void ShouldRefuseWhatIsForTheOtherSide(string name)
    {
        ProtocolVectors.Frame vector = ProtocolVectors.Get(name);
        if (vector.Type == FrameType.Batch)
            return; // For both; what is in it is refused instead: see "batch-with-frame-for-the-other-side".
        foreach (FrameReceiver receiver in Enum.GetValues<FrameReceiver>().Where(receiver => !vector.IsFor(receiver)))
        {
            RecordingSink sink = new();

            FrameReader.Read(vector.Bytes, receiver, ProtocolVectors.MaxFrameLength, ref sink, out FrameError error);

            Assert.Equal(ErrorCode.UnexpectedFrame, error.Code);
            Assert.Equal($"{vector.Type} is not a frame that this side accepts.", error.Sentence);
            Assert.Empty(sink.Events);
        }
    }

    [Theory, MemberData(nameof(MalformedNames))]
    public void ShouldRefuseWithTheVectorsCodeAndSentence(string name)
    {
        ProtocolVectors.Malformed vector = ProtocolVectors.MalformedFrames.Single(frame => frame.Name == name);
        using ReceiveBuffer buffer = new(vector.Receiver, ProtocolVectors.MaxFrameLength);
        using BatchOpener batches = new(vector.Receiver, vector.Compression, ProtocolVectors.MaxFrameLength);
        RecordingSink sink = new() { Batches = batches };
        if (!vector.Opening)
            buffer.Feed(ProtocolVectors.Opening(vector.Receiver), ref sink, out _);

        buffer.Feed(vector.Bytes, ref sink, out FrameError error);

        if (error.IsNone)
            error = sink.Error;
        Assert.Equal(vector.Code, (int)error.Code);
        Assert.Equal(vector.Sentence, error.Sentence);
        Assert.Equal(vector.CostsConnection, error.CostsConnection);
        Assert.Equal(vector.Request, error.Request);
        Assert.Equal(vector.Opening ? 0 : 1, sink.Frames.Count);
    }

    [Fact]
    public void ShouldHaveAMalformedVectorForEachFault()
    {
        HashSet<FrameFault> seen = [];
        foreach (ProtocolVectors.Malformed vector in ProtocolVectors.MalformedFrames)
        {
            using ReceiveBuffer buffer = new(vector.Receiver, ProtocolVectors.MaxFrameLength);
            using BatchOpener batches = new(vector.Receiver, vector.Compression, ProtocolVectors.MaxFrameLength);
            RecordingSink sink = new() { Batches = batches };
            if (!vector.Opening)
                buffer.Feed(ProtocolVectors.Opening(vector.Receiver), ref sink, out _);
            buffer.Feed(vector.Bytes, ref sink, out FrameError error);
            seen.Add(error.IsNone ? sink.Error.Fault : error.Fault);
        }

        // A body over the limit is 1 MiB of hex: it has a test of its own.
        seen.Add(FrameFault.BodyOverLimit);
        Assert.Equal(Enum.GetValues<FrameFault>().Except([FrameFault.None]).Order(), seen.Order());
    }

    [Fact]
    public void ShouldRefuseABodyOverTheLimit()
    {
        byte[] frame = new byte[FrameWriter.PublishLength(0, 0, FrameFields.MaxBodyLength + 1)];
        FrameWriter.WritePublish(frame, 1, 1, 0, new byte[FrameFields.MaxBodyLength + 1]);
        ReadOnlySpan<byte> exact = frame.AsSpan(0, FrameLayout.PublishPayload + FrameFields.MaxBodyLength + 1);

        Assert.False(FrameParser.TryParsePublish(exact, FrameFields.MaxBodyLength, out _, out FrameError error));

        Assert.Equal(ErrorCode.ContentTooLarge, error.Code);
        Assert.True(error.CostsConnection);
        Assert.Equal("A body of 1048577 bytes is over the limit of 1048576 bytes: send smaller messages or raise the limit.", error.Sentence);
        Assert.True(FrameParser.TryParsePublish(exact[..^1], FrameFields.MaxBodyLength, out PublishView view, out _));
        Assert.Equal(FrameFields.MaxBodyLength, view.BodyLength);
    }
}
