using LowLatency.Core.Engine;
using LowLatency.Tests.Sockets;
using LowLatency.Tests.Wire;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Server;

/// <summary>Batches at a broker: agreed on, taken, sent, refused.</summary>
public sealed unsafe class CompressionTests : IDisposable
{
    private readonly BatchCodec _codec = BatchOpener.NewCodec();

    public static TheoryData<string> MalformedNames => new(
        ProtocolVectors.MalformedFrames.Where(vector => vector.Receiver == FrameReceiver.Server && vector.Name.StartsWith("batch-", StringComparison.Ordinal))
            .Select(vector => vector.Name));

    public void Dispose() => _codec.Dispose();

    [Theory]
    [InlineData(true, true, 1)]
    [InlineData(true, false, 0)]
    [InlineData(false, true, 0)]
    public void ShouldGrantWhatIsAskedForAndThere(bool asks, bool hasLibrary, int granted)
    {
        using ServerHarness harness = new(compresses: hasLibrary);

        TestPeer peer = harness.Open(compress: asks);

        Assert.Equal(granted, peer.First(FrameType.Welcome)!.Fields<WelcomeFrame>().Flags);
    }

    [Fact]
    public void ShouldSendBatchesOnlyToThoseThatAskedForThem()
    {
        using ServerHarness harness = new(compresses: true);
        TestPeer publisher = harness.Open();
        TestPeer plain = harness.Open();
        TestPeer compressed = harness.Open(compress: true);
        const int Count = 500;
        foreach ((TestPeer peer, string queue) in new[] { (plain, "plain"), (compressed, "compressed") })
        {
            harness.DeclareQueue(peer, queue);
            harness.Subscribe(peer, queue, Count);
            uint publication = OpenPublication(harness, publisher, queue);
            for (ulong i = 1; i <= Count; i++)
                publisher.SendPublish(publication, i, Quote(i));
        }

        harness.Until(() => plain.Count(FrameType.Deliver) == Count && compressed.Count(FrameType.Deliver) == Count);

        Assert.Equal(0, plain.BatchCount);
        Assert.NotEqual(0, compressed.BatchCount);
        Assert.InRange(compressed.ReceivedLength, 1, plain.ReceivedLength / 2);
        Assert.Equal(Bodies(plain), Bodies(compressed));
        Assert.Equal(Enumerable.Range(1, Count).Select(i => Convert.ToHexString(Quote((ulong)i))), Bodies(compressed));
        Assert.NotEqual(default, harness.Agent.BatchCounts.Sent);
    }

    /// <summary>Small, large for a copy, large for a batch, noise: in order, also while the peer does not read and the socket blocks.</summary>
    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void ShouldDeliverTheSameBytesInOrderHoweverTheyAreSent(int seed)
    {
        Random random = new(seed);
        using ServerHarness harness = new(compresses: true);
        TestPeer publisher = harness.Open();
        TestPeer subscriber = harness.Open(receiveBufferLength: 4096, compress: true);
        harness.DeclareQueue(subscriber, "q");
        harness.Subscribe(subscriber, "q", 10_000);
        uint publication = OpenPublication(harness, publisher, "q");
        List<string> expected = [];
        for (ulong i = 1; i <= 400; i++)
        {
            byte[] body = new byte[random.Next(10) switch { 0 => random.Next(200_000), 1 => random.Next(64_000, 66_000), 2 => random.Next(14_000, 18_000), _ => random.Next(400) }];
            if (random.Next(2) == 0)
                random.NextBytes(body);
            expected.Add(Convert.ToHexString(body));
            publisher.SendPublish(publication, i, body);
            subscriber.IsReading = i / 50 % 2 == 0;
            harness.Steps(random.Next(3));
        }

        subscriber.IsReading = true;
        harness.Until(() => subscriber.Count(FrameType.Deliver) == 400 || !subscriber.Error.IsNone);

        Assert.True(subscriber.Error.IsNone, subscriber.Error.ToString());
        Assert.Equal(expected, Bodies(subscriber));
        Assert.NotEqual(0, subscriber.BatchCount);
    }

    [Fact]
    public void ShouldTakeTheFramesOfABatchAsIfTheyHadComeAlone()
    {
        using ServerHarness harness = new(compresses: true);
        TestPeer peer = harness.Open(compress: true);
        harness.DeclareQueue(peer, "q");
        uint publication = harness.OpenPublication(peer, "q");

        peer.Send(Batch([.. Frames.DeclareQueue("other"u8, 91), .. Frames.Heartbeat(), .. Publishes(publication, 1, 200), .. Frames.DeclareQueue("third"u8, 92)]));
        harness.Until(() => peer.Count(FrameType.QueueDeclared) == 3 && ConfirmedUpTo(peer) == 200);

        peer.Send(Batch([.. Publishes(publication, 201, 100), .. Close(), .. Publishes(publication, 301, 100)]));
        harness.Until(() => peer.IsEnded);
        Assert.Equal(FrameType.Close, peer.Frames[^1].Type);
        Assert.Equal(300, harness.Core.Engine.PublishedCount);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(1000)]
    public void ShouldTakeABatchThatComesInPieces(int pieceLength)
    {
        using ServerHarness harness = new(compresses: true);
        TestPeer peer = harness.Open(compress: true);
        harness.DeclareQueue(peer, "q");
        uint publication = harness.OpenPublication(peer, "q");

        foreach (byte[] piece in Batch(Publishes(publication, 1, 300)).Chunk(pieceLength))
        {
            peer.Send(piece);
            harness.Step();
        }

        harness.Until(() => ConfirmedUpTo(peer) == 300);
    }

    /// <summary>Two connections whose batches do not fit into the ring: both are taken in parts, in turns, each message once and in order.</summary>
    [Fact]
    public void ShouldGoOnInTheMiddleOfABatchWhenTheEngineHasRoomAgain()
    {
        using ServerHarness harness = new(new BrokerLimits { MaxBodyLength = 4096, IngressCapacity = 32 * 1024 }, compresses: true);
        TestPeer[] peers = [harness.Open(compress: true), harness.Open(compress: true)];
        uint[] publications = new uint[2];
        for (int i = 0; i < 2; i++)
        {
            harness.DeclareQueue(peers[i], $"q{i}");
            publications[i] = OpenPublication(harness, peers[i], $"q{i}");
        }

        const int Count = 350; // 56 KiB of frames: twice the ring.
        harness.RunsEngine = false;
        for (int i = 0; i < 2; i++)
            peers[i].Send(Batch(Publishes(publications[i], 1, Count)));
        harness.Steps(200);
        Assert.Equal(0, harness.Core.Engine.PublishedCount);
        harness.RunsEngine = true;
        harness.Until(() => ConfirmedUpTo(peers[0]) == Count && ConfirmedUpTo(peers[1]) == Count);

        Assert.Equal(2 * Count, harness.Core.Engine.PublishedCount);

        // The next batch begins at its start again.
        for (int i = 0; i < 2; i++)
            peers[i].Send(Batch(Publishes(publications[i], Count + 1, 100)));
        harness.Until(() => ConfirmedUpTo(peers[0]) == Count + 100 && ConfirmedUpTo(peers[1]) == Count + 100);
        Assert.Equal(2 * (Count + 100), harness.Core.Engine.PublishedCount);
        Assert.All(peers, peer => Assert.Null(peer.First(FrameType.Error)));
    }

    /// <summary>A few bytes may be very many frames: nobody else waits for all of them.</summary>
    [Fact]
    public void ShouldServeOthersBetweenTheBatchesOfOne()
    {
        using ServerHarness harness = new(compresses: true);
        TestPeer greedy = harness.Open(compress: true);
        byte[] beats = new byte[FrameLayout.MaxBatchLength];
        for (int i = 0; i < beats.Length; i += 8)
            FrameWriter.WriteHeartbeat(beats.AsSpan(i));
        byte[] batch = Batch(beats);
        Assert.InRange(batch.Length, 1, 400);
        byte[] many = [.. Enumerable.Repeat(batch, 60_000 / batch.Length).SelectMany(bytes => bytes)];
        greedy.Send(many);
        int batches = many.Length / batch.Length;

        // One cycle opens half a MiB of it.
        harness.Until(() => Opened() > 0);
        long most = Opened();
        while (Opened() < (long)batches * beats.Length)
        {
            long before = Opened();
            harness.Step();
            most = Math.Max(most, Opened() - before);
        }

        Assert.InRange(most, 1, 512 * 1024 + 2 * FrameLayout.MaxBatchLength);
        Assert.Null(greedy.First(FrameType.Error));

        long Opened() => harness.Agent.BatchCounts.Opened.Frames;
    }

    [Theory, MemberData(nameof(MalformedNames))]
    public void ShouldCostOnlyTheSenderItsConnection(string name)
    {
        ProtocolVectors.Malformed vector = ProtocolVectors.MalformedFrames.Single(frame => frame.Name == name);
        using ServerHarness harness = new(compresses: true);
        TestPeer other = harness.Open(compress: true);
        harness.DeclareQueue(other, "q");
        uint publication = harness.OpenPublication(other, "q");
        TestPeer peer = harness.Open(compress: vector.Compression);

        peer.Send(vector.Bytes);
        harness.Until(() => peer.IsEnded);

        (ErrorCode code, string sentence) = peer.First(FrameType.Error)!.Ending();
        Assert.Equal(vector.Code, (int)code);
        Assert.Equal(vector.Sentence, sentence);
        other.Send(Batch(Publishes(publication, 1, 100)));
        harness.Until(() => ConfirmedUpTo(other) == 100);
    }

    [Fact]
    public void ShouldKeepWhatCameBeforeTheFaultInABatch()
    {
        using ServerHarness harness = new(compresses: true);
        TestPeer peer = harness.Open(compress: true);
        harness.DeclareQueue(peer, "q");
        uint publication = harness.OpenPublication(peer, "q");

        peer.Send(Batch([.. Publishes(publication, 1, 50), .. Frames.Settle(kind: 9), .. Publishes(publication, 51, 50)]));
        harness.Until(() => peer.IsEnded);

        Assert.NotNull(peer.First(FrameType.Error));
        Assert.Equal(50, harness.Core.Engine.PublishedCount);
    }

    [Fact]
    public void ShouldRefuseABatchBeforeTheHello()
    {
        using ServerHarness harness = new(compresses: true);
        TestPeer peer = harness.Connect();

        peer.Send(Batch(Publishes(1, 1, 50)));
        harness.Until(() => peer.IsEnded);

        Assert.Equal(ErrorCode.UnexpectedFrame, peer.First(FrameType.Error)!.Ending().Code);
    }

    [Fact]
    public void ShouldAllocateNothingPerBatchInTheAgent()
    {
        using ServerHarness harness = new(compresses: true);
        TestPeer publisher = harness.Open(compress: true);
        TestPeer subscriber = harness.Open(compress: true);
        harness.DeclareQueue(publisher, "q");
        uint publication = harness.OpenPublication(publisher, "q");
        uint subscription = harness.Subscribe(subscriber, "q", 1000);
        harness.Steps(50);
        harness.Forget(publisher);
        harness.Forget(subscriber);
        const int Count = 50;
        TcpSocket @out = new(publisher.Socket);
        TcpSocket @in = new(subscriber.Socket);
        byte[] frames = GC.AllocateArray<byte>(64 * 1024, pinned: true);
        byte[] received = new byte[256 * 1024];
        byte[] body = new byte[128];
        ulong sequence = 0;
        for (int i = 0; i < 100; i++)
            Round();
        long sent = harness.Agent.BatchCounts.Sent.Frames;

        long allocated = Allocations.Least(() =>
        {
            for (int i = 0; i < 300; i++)
                Round();
        });

        Assert.Equal(0, allocated);
        Assert.True(harness.Agent.BatchCounts.Sent.Wire < harness.Agent.BatchCounts.Sent.Frames / 2);
        Assert.NotEqual(sent, harness.Agent.BatchCounts.Sent.Frames);
        Assert.Equal((long)sequence, harness.Core.Engine.DeliveredCount);

        void Round()
        {
            int length = 0;
            for (int i = 0; i < Count; i++)
                length += FrameWriter.WritePublish(frames.AsSpan(length), publication, ++sequence, 0, body);
            fixed (byte* start = frames)
                length = _codec.TryPack(start, length, start);
            if (length == 0 || @out.Send(frames.AsSpan(0, length)) != length)
                throw new InvalidOperationException("The socket took only a part.");
            long end = Environment.TickCount64 + 10_000;
            while (harness.Core.Engine.DeliveredCount < (long)sequence)
            {
                harness.Agent.DoWork();
                harness.Core.EngineAgent.DoWork();
                if (Environment.TickCount64 > end)
                    throw new TimeoutException("A message did not arrive.");
            }

            harness.Agent.DoWork();
            while (@in.Receive(received) > 0)
            {
            }

            if (@in.Send(received.AsSpan(0, FrameWriter.WriteSettle(received, subscription, SettleKind.Ack, 0, sequence, Count, 0))) <= 0)
                throw new InvalidOperationException("The socket took nothing.");
        }
    }

    private static byte[] Quote(ulong number)
    {
        byte[] body = new byte[128];
        System.Text.Encoding.ASCII.GetBytes($"35=X|55=ACME|270={1000 + number % 7}.25|271={100 * (number % 3)}|").CopyTo(body, 0);
        BitConverter.TryWriteBytes(body.AsSpan(96), number);
        return body;
    }

    private static byte[] Publishes(uint publication, ulong first, int count)
    {
        List<byte> frames = [];
        for (ulong i = first; i < first + (ulong)count; i++)
        {
            byte[] frame = new byte[FrameWriter.PublishLength(0, 0, 128)];
            FrameWriter.WritePublish(frame, publication, i, 0, Quote(i));
            frames.AddRange(frame);
        }

        return [.. frames];
    }

    private static byte[] Close()
    {
        byte[] frame = new byte[FrameWriter.MaxControlLength];
        return frame[..FrameWriter.WriteClose(frame, ErrorCode.None, "")];
    }

    private byte[] Batch(byte[] frames)
    {
        byte[] batch = GC.AllocateArray<byte>(frames.Length, pinned: true);
        frames.CopyTo(batch, 0);
        fixed (byte* start = batch)
        {
            int length = _codec.TryPack(start, frames.Length, start);
            Assert.NotEqual(0, length);
            return batch[..length];
        }
    }

    private static uint OpenPublication(ServerHarness harness, TestPeer peer, string queue)
    {
        int before = peer.Count(FrameType.PublicationOpened);
        peer.SendOpenPublication(queue);
        harness.Until(() => peer.Count(FrameType.PublicationOpened) > before);
        return peer.Frames.Last(frame => frame.Type == FrameType.PublicationOpened).Fields<PublicationOpenedEvent>().Publication;
    }

    private static ulong ConfirmedUpTo(TestPeer peer) =>
        peer.Frames.LastOrDefault(frame => frame.Type == FrameType.Confirm)?.Fields<ConfirmFrame>().Sequence ?? 0;

    private static IEnumerable<string> Bodies(TestPeer peer) => peer.Frames.Where(frame => frame.Type == FrameType.Deliver).Select(frame =>
    {
        Assert.True(FrameParser.TryParseDeliver(frame.Bytes, out DeliverView view, out FrameError error), error.ToString());
        return Convert.ToHexString(view.Body);
    });
}
