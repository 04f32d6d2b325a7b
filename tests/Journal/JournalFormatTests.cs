using System.Text;
using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>Pins what is on disk: a change here is a change of the format.</summary>
public sealed unsafe class JournalFormatTests
{
    [Fact]
    public void ShouldKeepRecordTypes()
    {
        (RecordType Type, int Value)[] frozen =
        [
            (RecordType.Pad, 1), (RecordType.Message, 2), (RecordType.Ack, 3), (RecordType.Requeue, 4), (RecordType.Delivered, 5),
            (RecordType.DefineQueue, 6), (RecordType.DeleteQueue, 7), (RecordType.DefineExchange, 8), (RecordType.DeleteExchange, 9),
            (RecordType.Bind, 10), (RecordType.Unbind, 11), (RecordType.DefinePublisher, 12), (RecordType.Marker, 13), (RecordType.Restart, 14),
            (RecordType.SnapshotBegin, 15), (RecordType.SnapshotQueue, 16), (RecordType.SnapshotPublisher, 17), (RecordType.SnapshotEnd, 18),
            (RecordType.ForgetPublisher, 19), (RecordType.SnapshotAbort, 20), (RecordType.Group, 21),
            (RecordType.Drop, 22), (RecordType.Due, 23), (RecordType.Defer, 24), (RecordType.DefineVirtualHost, 25), (RecordType.DeleteVirtualHost, 26), (RecordType.Moved, 27),
        ];
        foreach ((RecordType type, int value) in frozen)
            Assert.Equal(value, (int)type);
        Assert.Equal(frozen.Length, Enum.GetValues<RecordType>().Length);
        Assert.Equal((0u, 1u, 2u), ((uint)MarkerFlags.None, (uint)MarkerFlags.Clean, (uint)MarkerFlags.Opening));
    }

    [Fact]
    public void ShouldComputeCastagnoliCrc()
    {
        // RFC 3720, B.4: 32 bytes of zeroes, and of 0xFF. The stored values are without the final inversion.
        byte* data = stackalloc byte[32];
        new Span<byte>(data, 32).Clear();
        Assert.Equal(0x8A9136AAu, ~Crc32C.AppendAligned(Crc32C.Start, data, 32));
        new Span<byte>(data, 32).Fill(0xFF);
        Assert.Equal(0x62A8AB43u, ~Crc32C.AppendAligned(Crc32C.Start, data, 32));
    }

    [Theory]
    [InlineData(32)]
    [InlineData(224)]
    [InlineData(256)]
    [InlineData(768)]
    [InlineData(1024)]
    [InlineData(3072)]
    [InlineData(65536)]
    [InlineData(65504)]
    public void ShouldComputeTheSameCrcByAnyPath(int length)
    {
        byte[] data = JournalHarness.Body(length, 77);
        uint expected = 0x1357_9BDF;
        for (int i = 0; i < length; i++)
            expected = System.Numerics.BitOperations.Crc32C(expected, data[i]);
        fixed (byte* start = data)
            Assert.Equal(expected, Crc32C.AppendAligned(0x1357_9BDF, start, length));
    }

    [Fact]
    public void ShouldWriteTheFrameAsDocumented()
    {
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start());
        long position = journal.Append(RecordType.Message, 0x0A0B0C0D, Encoding.ASCII.GetBytes("hello"));
        byte* record = journal.Log.Record(position);
        Assert.Equal(4096 + 64, position); // After the opening marker.
        Assert.Equal(37u, *(uint*)record);
        Assert.Equal(position, *(long*)(record + 8));
        Assert.Equal((ushort)2, *(ushort*)(record + 20));
        Assert.Equal((ushort)0x0100, *(ushort*)(record + 22));
        Assert.Equal(1u, *(uint*)(record + 24));
        Assert.Equal(0x0A0B0C0Du, *(uint*)(record + 28));
        Assert.Equal("hello", Encoding.ASCII.GetString(record + 32, 5));
        for (int i = 37; i < 64; i++)
            Assert.Equal(0, record[i]);

        uint bodyCrc = 0xFFFF_FFFF;
        for (int i = 32; i < 64; i++)
            bodyCrc = System.Numerics.BitOperations.Crc32C(bodyCrc, record[i]);
        Assert.Equal(bodyCrc, *(uint*)(record + 16));
        // Seed: journal id and segment id. Then the length as eight bytes, then the header from the position on.
        uint crc = System.Numerics.BitOperations.Crc32C(0xFFFF_FFFF, journal.Journal.JournalId);
        crc = System.Numerics.BitOperations.Crc32C(crc, 0ul);
        crc = System.Numerics.BitOperations.Crc32C(crc, 37ul);
        for (int i = 8; i < 32; i++)
            crc = System.Numerics.BitOperations.Crc32C(crc, record[i]);
        Assert.Equal(crc, *(uint*)(record + 4));
    }

    [Fact]
    public void ShouldWriteHeaderAndOpeningMarkerAsDocumented()
    {
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start());
        byte* page = journal.Log.Record(0);
        Assert.Equal("LLJOURNL", Encoding.ASCII.GetString(page, 8));
        Assert.Equal(1u, *(uint*)(page + 8));
        Assert.Equal(journal.Journal.JournalId, *(ulong*)(page + 16));
        Assert.Equal(0, *(long*)(page + 24));
        Assert.Equal(0, *(long*)(page + 32));
        Assert.Equal(JournalHarness.SegmentSize, *(int*)(page + 40));
        Assert.Equal(1u, *(uint*)(page + 44));
        Assert.Equal(journal.Journal.BrokerId, *(ulong*)(page + 48));
        byte* marker = journal.Log.Record(4096);
        Assert.Equal(64u, *(uint*)marker);
        Assert.Equal((ushort)13, *(ushort*)(marker + 20));
        Assert.Equal(4096, *(long*)(marker + 32));
        Assert.Equal(0u, *(uint*)(marker + 40));
        Assert.Equal(2u, *(uint*)(marker + 44));
        Assert.Equal(disk.BootId, *(Guid*)(marker + 48));
        Assert.Equal("segment-0000000000000000.log", Assert.Single(disk.Names.Keys));
        Assert.Equal("spare-0000000000000012.log", JournalFiles.Spare(12));
    }
}
