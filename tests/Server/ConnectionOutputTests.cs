using System.Net.Sockets;
using LowLatency.Transport.Server;
using LowLatency.Transport.Sockets;
using Xunit;

namespace LowLatency.Tests.Server;

public sealed unsafe class ConnectionOutputTests
{
    private const int BlockLength = 4096;

    /// <summary>Whatever is written, gathered, blocked and resumed: the peer gets the same bytes in order, and the memory stays bounded.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void ShouldSendTheSameBytesHoweverTheSocketBlocks(int seed)
    {
        Random random = new(seed);
        using TcpAcceptor acceptor = TcpAcceptor.Listen(TransportAddress.Parse("tcp://127.0.0.1:0"));
        Socket reading = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        reading.Connect(acceptor.Endpoint);
        using TcpSocket reader = new(reading);
        TcpSocket? accepted;
        while (acceptor.TryAccept(out accepted) != AcceptStatus.Accepted)
            Thread.Yield();
        using TcpSocket writer = accepted!;
        writer.Socket.SendBufferSize = 4096;
        using SendBlockPool pool = new(BlockLength);
        using ConnectionOutput output = new(writer, pool);

        List<byte> expected = [];
        List<byte> received = [];
        byte[] chunk = new byte[16 * 1024];
        byte[] payload = new byte[20_000];
        int refused = 0;
        for (int step = 0; step < 4000; step++)
        {
            int length = 8 * random.Next(1, 60);
            switch (random.Next(5))
            {
                case 0 when !output.IsBlocked:
                    Write(output, expected, length, random);
                    length = output.IsBlocked ? 0 : random.Next(1, payload.Length);
                    random.NextBytes(payload.AsSpan(0, length));
                    if (length == 0)
                        break;
                    fixed (byte* start = payload)
                        output.FlushWith(start, length);
                    expected.AddRange(payload.AsSpan(0, length));
                    expected.AddRange(new byte[-length & 7]);
                    break;
                case 1 or 2:
                    if (!Write(output, expected, length, random))
                        refused++;
                    break;
                case 3:
                    output.Flush();
                    break;
                case 4 when step / 500 % 2 == 0:
                    break; // At times the peer does not read.
                default:
                    int taken = reader.Receive(chunk.AsSpan(0, random.Next(1, chunk.Length)));
                    if (taken > 0)
                        received.AddRange(chunk.AsSpan(0, taken));
                    if (output.IsBlocked && random.Next(3) == 0)
                        output.Resume();
                    break;
            }

            Assert.False(output.IsLost);
            Assert.InRange(output.HeldLength, 0, (2 * BlockLength) + payload.Length + 16 + BlockLength);
        }

        while (received.Count < expected.Count)
        {
            output.Resume();
            int taken = reader.Receive(chunk);
            if (taken > 0)
                received.AddRange(chunk.AsSpan(0, taken));
        }

        Assert.Equal(expected.ToArray(), received.ToArray());
        Assert.Equal(0, output.PendingLength);
        Assert.Equal(0, pool.RentedCount);
        Assert.NotEqual(0, refused); // It was blocked with a full block at times.
    }

    [Fact]
    public void ShouldReuseTheBlockThatWasReturnedLast()
    {
        using SendBlockPool pool = new(BlockLength);
        byte* first = pool.Rent(100, out int capacity);
        Assert.Equal(BlockLength, capacity);
        byte* larger = pool.Rent(BlockLength + 1, out int largerCapacity);
        Assert.Equal(BlockLength + 1, largerCapacity);
        Assert.Equal(2, pool.RentedCount);
        pool.Return(larger, largerCapacity);
        pool.Return(first, capacity);
        Assert.True(pool.Rent(1, out capacity) == first);
        pool.Return(first, capacity);
        Assert.Equal(0, pool.RentedCount);
    }

    private static bool Write(ConnectionOutput output, List<byte> expected, int length, Random random)
    {
        if (!output.TryReserve(length, out Span<byte> room))
            return false;
        random.NextBytes(room);
        expected.AddRange(room);
        output.Append(length);
        return true;
    }
}
