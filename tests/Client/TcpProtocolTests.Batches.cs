using LowLatency.Client;
using LowLatency.Core.Compression;
using LowLatency.Core.Engine;
using LowLatency.Tests.Wire;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Client;

/// <content>Batches, frame by frame.</content>
public sealed partial class TcpProtocolTests
{
    private static readonly ConnectionOptions Compressed = new() { Compress = true, CompressionLibrary = Lz4.Library };

    // Those that are about the batch, not about what only a server refuses.
    public static TheoryData<string> MalformedBatches => new(
        ProtocolVectors.MalformedFrames.Where(vector => vector.Name.StartsWith("batch-", StringComparison.Ordinal)
            && vector.Name is not ("batch-with-frame-for-the-other-side" or "batch-frame-cut")).Select(vector => vector.Name));

    [Theory]
    [InlineData(true, Lz4.Library, 1U)]
    [InlineData(true, "liblz4-of-nowhere.so", 0U)]
    [InlineData(false, Lz4.Library, 0U)]
    public void ShouldAskForCompressionWhereItIsWantedAndThere(bool isWanted, string library, uint flags)
    {
        _ = StartConnect(new ConnectionOptions { Compress = isWanted, CompressionLibrary = library });

        byte[] frame = _broker.Accept().Read(FrameType.Hello);

        Assert.Equal(flags, System.Runtime.InteropServices.MemoryMarshal.Read<HelloFrame>(frame).Flags);
    }

    [Fact]
    public void ShouldRefuseAWelcomeWithCompressionThatWasNotAskedFor()
    {
        Task<Connection> connecting = StartConnect();

        FakeSession session = _broker.AcceptAndWelcome(flags: FrameLayout.CompressionFlag);

        session.ReadToEnd();
        Assert.Equal(ErrorCode.FrameError, Assert.ThrowsAny<LowLatencyException>(() => connecting.GetAwaiter().GetResult()).Code);
    }

    [Fact]
    public async Task ShouldTakeABatchInAnyPiecesAndSendOne()
    {
        FakeSession session = await ConnectCompressed();
        List<byte[]> bodies = [];
        await Subscribe(session, 1000, (Subscription sub, in Delivery delivery) =>
        {
            lock (bodies)
                bodies.Add(delivery.Body.ToArray());
        });
        using BatchCodec codec = BatchOpener.NewCodec();

        foreach (byte one in Batch(codec, Deliveries(1, 100)))
            session.Send([one]);

        Eventually.True(() => bodies.Count == 100, "a hundred");
        Assert.All(bodies, body => Assert.Equal("body"u8.ToArray(), body));

        Publication publication = await Open(session, handle: 1, window: 1000, lastSequence: 0, new PublicationOptions());
        int published = 0;
        byte[]? batch = null;
        while (batch == null) // As soon as much waits at once.
        {
            for (int i = 0; i < 100 && publication.TryPublish(new byte[200]) == PublishStatus.Accepted; i++)
                published++;
            Assert.InRange(published, 1, 1000);
            byte[] frame = session.Read()!;
            batch = (FrameType)frame[4] == FrameType.Batch ? frame : null;
        }

        Assert.True(codec.TryOpen(batch, this, 0, out ReadOnlySpan<byte> frames, out FrameError error), error.ToString());
        Assert.Equal(FrameType.Publish, (FrameType)frames[4]);
    }

    [Theory, MemberData(nameof(MalformedBatches))]
    public async Task ShouldDropABrokerThatSendsABrokenBatch(string name)
    {
        ProtocolVectors.Malformed vector = ProtocolVectors.MalformedFrames.Single(frame => frame.Name == name);
        FakeSession session = vector.Compression ? await ConnectCompressed() : await Connect();

        session.Send(vector.Bytes);

        session.ReadToEnd();
        FakeSession again = _broker.AcceptAndWelcome(flags: vector.Compression ? (ushort)FrameLayout.CompressionFlag : (ushort)0);
        Eventually.True(() => _connection!.State == ConnectionState.Ready, "ready again");
        LowLatencyException reason = Assert.Single(States, seen => seen.State == ConnectionState.Reconnecting).Reason!;
        Assert.Equal(vector.Code, (int)reason.Code);
        Assert.Contains(vector.Sentence, reason.Message, StringComparison.Ordinal);
        Assert.Equal(vector.Compression, _connection!.IsCompressed);
        GC.KeepAlive(again);
    }

    [Fact]
    public async Task ShouldForgetTheRestOfABatchWhenTheConnectionIsLost()
    {
        FakeSession session = await ConnectCompressed();
        int received = 0;
        await Subscribe(session, 1000, (Subscription sub, in Delivery delivery) => Interlocked.Increment(ref received));
        using BatchCodec codec = BatchOpener.NewCodec();
        byte[] wrong = [.. Deliveries(1, 40), .. Deliveries(90, 90), .. Deliveries(41, 80)];

        session.Send(Batch(codec, wrong));

        session.ReadToEnd();
        FakeSession next = _broker.AcceptAndWelcome(flags: FrameLayout.CompressionFlag);
        uint request = RequestOf(next.Read(FrameType.Subscribe));
        next.Send(buffer => TestFrames.WriteSubscribed(buffer, request, 3));
        next.Send(Batch(codec, Deliveries(1, 50)));
        Eventually.True(() => Volatile.Read(ref received) == 90, "40 of the first, 50 of the second");
    }

    private async Task<FakeSession> ConnectCompressed()
    {
        Task<Connection> connecting = StartConnect(Compressed);
        FakeSession session = _broker.AcceptAndWelcome(flags: FrameLayout.CompressionFlag);
        _connection = await Eventually.Done(connecting);
        Assert.True(_connection.IsCompressed);
        return session;
    }

    private static unsafe byte[] Batch(BatchCodec codec, byte[] frames)
    {
        byte[] batch = [.. frames];
        fixed (byte* start = batch)
        {
            int length = codec.TryPack(start, batch.Length, start);
            Assert.NotEqual(0, length);
            return batch[..length];
        }
    }
}
