using System.Text;
using LowLatency.Server.Lines;
using Xunit;

namespace LowLatency.Tests.Cli;

public class LineReaderTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public static TheoryData<string, string[], bool> Inputs => new()
    {
        { "", [], false },
        { "\n", [""], false },
        { "\n\n\n", ["", "", ""], false },
        { "a", ["a"], true },
        { "a\n", ["a"], false },
        { "a\nb", ["a", "b"], true },
        { "a\r\n\r\nb\n", ["a\r", "\r", "b"], false },
        { "\0\u00ff\u0080\nx", ["\0\u00ff\u0080", "x"], true },
    };

    [Theory, MemberData(nameof(Inputs))]
    public void ShouldSplitAtNewlinesHoweverTheBytesArrive(string text, string[] lines, bool endsOpen)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(text);
        for (int piece = 1; piece <= bytes.Length + 1; piece++)
        {
            List<string> read = ReadAll(new PieceStream(bytes, piece), 100, out LineCursor cursor);
            Assert.Equal(lines, read);
            Assert.Equal(endsOpen, lines.Length > 0 && cursor.IsWithoutNewline);
            Assert.False(cursor.IsTooLong);
        }
    }

    [Fact]
    public void ShouldGiveBackEveryByteOfALongRandomInput()
    {
        var random = new Random(7);
        byte[] bytes = new byte[3_000_000];
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = random.Next(40) == 0 ? (byte)'\n' : (byte)random.Next(256);
        // A line beyond the first capacity of a block, so that blocks grow.
        bytes.AsSpan(1_000_000, 700_000).Replace((byte)'\n', (byte)' ');
        List<string> lines = ReadAll(new PieceStream(bytes, 65_536), 1_000_000, out LineCursor cursor);
        string joined = string.Join('\n', lines) + (cursor.IsWithoutNewline ? "" : "\n");
        Assert.True(bytes.AsSpan().SequenceEqual(Encoding.Latin1.GetBytes(joined)));
    }

    [Theory]
    [InlineData(10, 10, false)]
    [InlineData(10, 11, true)]
    [InlineData(300_000, 300_000, false)]
    [InlineData(300_000, 300_001, true)]
    public void ShouldTakeALineOfExactlyTheLimitAndStopAtALongerOne(int limit, int length, bool tooLong)
    {
        byte[] bytes = [(byte)'a', (byte)'\n', .. Enumerable.Repeat((byte)'x', length), (byte)'\n', (byte)'b'];
        List<string> lines = ReadAll(new PieceStream(bytes, 100_000), limit, out LineCursor cursor);
        Assert.Equal(tooLong, cursor.IsTooLong);
        Assert.Equal(tooLong ? 1 : 3, lines.Count);
        if (tooLong)
            Assert.Equal(2, cursor.LineNumber);
    }

    [Fact]
    public void ShouldSayWhyReadingEndedEarly()
    {
        List<string> lines = ReadAll(new FailingStream("one\ntwo"u8.ToArray()), 100, out LineCursor cursor);
        Assert.Equal(["one", "two"], lines);
        Assert.Equal("the disk is gone", cursor.Fault?.Message);
    }

    private static List<string> ReadAll(Stream stream, int maxLineLength, out LineCursor cursor)
    {
        var reader = new LineReader(stream, maxLineLength);
        reader.Start();
        cursor = new LineCursor(reader);
        var read = new List<string>();
        DateTime end = DateTime.UtcNow + Deadline;
        while (!cursor.IsAtEnd)
        {
            Assert.True(DateTime.UtcNow < end, "The reader did not come to an end.");
            if (!cursor.TryRead())
            {
                Thread.Yield();
                continue;
            }
            read.Add(Encoding.Latin1.GetString(cursor.Line));
            cursor.Advance();
        }
        return read;
    }

    private sealed class PieceStream(byte[] bytes, int piece) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => Read(this, buffer[..Math.Min(piece, buffer.Length)]);

        // The span overload of MemoryStream calls the array overload in a derived class, which this one does not override.
        private static int Read(MemoryStream stream, Span<byte> buffer)
        {
            byte[] bytes = new byte[buffer.Length];
            int read = stream.Read(bytes, 0, bytes.Length);
            bytes.AsSpan(0, read).CopyTo(buffer);
            return read;
        }
    }

    private sealed class FailingStream(byte[] bytes) : Stream
    {
        private int _read;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (_read == bytes.Length)
                throw new IOException("the disk is gone");
            buffer[offset] = bytes[_read++];
            return 1;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
