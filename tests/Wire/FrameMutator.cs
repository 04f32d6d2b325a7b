using System.Buffers.Binary;
using LowLatency.Transport.Wire;

namespace LowLatency.Tests.Wire;

/// <summary>Makes streams of frames in which one is mutated where frames have structure: length, type, flags, lengths of strings, padding.</summary>
/// <remarks>No allocation per stream; the same streams from the same seed.</remarks>
internal sealed unsafe class FrameMutator : IDisposable
{
    internal const int MaxFrameLength = 8192;

    private static readonly uint[] Lengths =
        [0, 1, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 47, 48, 49, 55, 56, 57, 255, 256, MaxFrameLength, MaxFrameLength + 1,
         65535, 65536, int.MaxValue - 7, int.MaxValue, 0x80000000, 0xFFFFFFF8, uint.MaxValue];

    private static readonly byte[] Bytes = [0, 1, 2, 3, 4, 5, 0x20, 0x7F, 0x80, 0xBF, 0xC0, 0xED, 0xF4, 0xF5, 0xFE, 0xFF];

    private const int SmallSeeds = 64;
    private const int LargeSeeds = 4;

    private static readonly int[] SmallBodies = [0, 1, 7, 64, 128];
    private static readonly int[] LargeBodies = [1000, 3000, HashingSink.MaxBodyLength, HashingSink.MaxBodyLength + 1];

    private readonly byte[] _stream = new byte[4 * MaxFrameLength];
    private readonly byte[] _batch = new byte[4 * MaxFrameLength];
    private readonly BatchCodec _codec = BatchOpener.NewCodec();
    private readonly byte[][][] _seeds = [Seeds(FrameReceiver.Server), Seeds(FrameReceiver.Client)];
    private XorShift _random;
    private int _length;

    internal FrameMutator(ulong seed) => _random = new XorShift(seed);

    internal FrameReceiver Receiver { get; private set; }

    /// <summary>Bytes that a connection receives from its start. Valid until the next call.</summary>
    internal ReadOnlySpan<byte> Next()
    {
        Receiver = (FrameReceiver)_random.Next(2);
        byte[][] seeds = _seeds[(int)Receiver];
        _length = 0;
        // Seed 0 opens the connection; one stream in sixteen mutates that.
        bool mutatesOpening = _random.OneIn(16);
        int mutated = Append(seeds[0]);
        int opened = _length;
        if (!mutatesOpening)
        {
            if (_random.OneIn(4))
                Append(Pick(seeds));
            mutated = Append(Pick(seeds));
        }

        int frameLength = _length - mutated;
        do
        {
            Mutate(mutated, frameLength);
        }
        while (_random.OneIn(3));

        Append(Pick(seeds));
        // Right and wrong frames in a batch, which is then mutated itself, or not.
        if (!mutatesOpening && _random.OneIn(8))
        {
            Pack(opened);
            if (_random.OneIn(2))
                Mutate(opened, _length - opened);
        }

        if (_random.OneIn(8))
            _length -= _random.Next(Math.Min(_length, 64));
        return _stream.AsSpan(0, _length);
    }

    // Large frames are the last ones, and rare: most faults show in small ones, in less time.
    private byte[] Pick(byte[][] seeds) =>
        _random.OneIn(64) ? seeds[seeds.Length - 1 - _random.Next(LargeSeeds)] : seeds[_random.Next(seeds.Length - LargeSeeds)];

    private int Append(byte[] frame)
    {
        frame.CopyTo(_stream, _length);
        _length += frame.Length;
        return _length - frame.Length;
    }

    // Makes what stands from there on one batch: compressed where that is shorter, else in a block that is one run of literals.
    private void Pack(int from)
    {
        int length = _length - from & ~7;
        if (length == 0)
            return;
        _stream.AsSpan(from, length).CopyTo(_batch);
        int packed;
        fixed (byte* frames = _batch)
            packed = _codec.TryPack(frames, length, frames);
        if (packed == 0)
        {
            int token = 0;
            Span<byte> block = _stream.AsSpan(from + FrameLayout.BatchBlock);
            int rest = length - 15;
            block[token++] = (byte)(Math.Min(length, 15) << 4);
            for (; rest >= 0; rest -= 255)
                block[token++] = (byte)Math.Min(rest, 255);
            _batch.AsSpan(0, length).CopyTo(block[token..]);
            token += length;
            block[..token].CopyTo(_batch);
            packed = FrameWriter.WriteBatch(_stream.AsSpan(from), length, _batch.AsSpan(0, token));
        }
        else
        {
            _batch.AsSpan(0, packed).CopyTo(_stream.AsSpan(from));
        }

        _length = from + packed;
    }

    public void Dispose() => _codec.Dispose();

    // One change to the frame at `at`, whose bytes on the wire were that many before any change.
    private void Mutate(int at, int frameLength)
    {
        Span<byte> frame = _stream.AsSpan(at, frameLength);
        int length = BinaryPrimitives.ReadInt32LittleEndian(frame);
        switch (_random.Next(14))
        {
            case 0:
                frame[_random.Next(frameLength)] ^= (byte)(1 << _random.Next(8));
                break;
            case 1:
                frame[_random.Next(frameLength)] = Bytes[_random.Next(Bytes.Length)];
                break;
            case 2:
                BinaryPrimitives.WriteUInt32LittleEndian(frame, Lengths[_random.Next(Lengths.Length)]);
                break;
            case 3:
                BinaryPrimitives.WriteInt32LittleEndian(frame, length + _random.Next(33) - 16);
                break;
            case 4:
                frame[4] = (byte)_random.Next(_random.OneIn(4) ? 256 : 64);
                break;
            case 5:
                frame[5 + _random.Next(3)] = (byte)_random.Next();
                break;
            case 6:
                // Among them the length bytes of strings and texts, which follow the fixed part.
                frame[Math.Min(frameLength - 1, 16 + _random.Next(40))] = (byte)_random.Next();
                break;
            case 7:
                // Lengths of routing key and headers.
                int lengths = (FrameType)frame[4] is FrameType.Deliver or FrameType.DeliverConflated ? 52 : 20;
                if (lengths + 4 <= frameLength)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(
                        frame[(lengths + 2 * _random.Next(2))..], _random.OneIn(2) ? (ushort)_random.Next(300) : (ushort)_random.Next(65536));
                }

                break;
            case 8:
                frame[frameLength - 1 - _random.Next(Math.Min(7, frameLength))] = (byte)_random.Next();
                break;
            case 9:
                // Not UTF-8, most likely.
                frame[Math.Max(8, frameLength - 1 - _random.Next(24)) % frameLength] = (byte)(0x80 | _random.Next(128));
                break;
            case 10:
                // Shorter and honest about it.
                int shorter = 8 + _random.Next(Math.Max(1, frameLength - 8));
                BinaryPrimitives.WriteInt32LittleEndian(frame, shorter);
                frame[shorter..Math.Min(frameLength, FrameLayout.PaddedLength(shorter))].Clear();
                break;
            case 11:
                // Bytes missing or too many: everything after is shifted.
                int from = at + _random.Next(frameLength);
                int shift = 1 + _random.Next(9);
                _stream.AsSpan(from, at + frameLength - from).CopyTo(_stream.AsSpan(from + shift));
                _length = at + frameLength + (_random.OneIn(2) ? shift : 0);
                break;
            case 12:
                // A part of another frame over this one.
                byte[] other = _seeds[_random.Next(2)][_random.Next(SmallSeeds)];
                int count = Math.Min(1 + _random.Next(other.Length), frameLength);
                other.AsSpan(other.Length - count).CopyTo(frame[_random.Next(frameLength - count + 1)..]);
                break;
            default:
                BinaryPrimitives.WriteUInt64LittleEndian(frame[(_random.Next(frameLength / 8) * 8)..], _random.OneIn(2) ? ulong.MaxValue : _random.Next());
                break;
        }
    }

    // The vectors for that side, and some larger ones.
    private static byte[][] Seeds(FrameReceiver receiver)
    {
        List<byte[]> seeds = [ProtocolVectors.Opening(receiver)];
        seeds.AddRange(ProtocolVectors.Frames.Where(frame => frame.IsFor(receiver)).Select(frame => frame.Bytes));
        FrameType hot = receiver == FrameReceiver.Server ? FrameType.Publish : FrameType.Deliver;
        seeds.AddRange(SmallBodies.Select(body => Hot(hot, body)));
        while (seeds.Count < SmallSeeds)
            seeds.Add(seeds[seeds.Count / 2]);
        seeds.AddRange(LargeBodies.Select(body => Hot(hot, body)));
        return [.. seeds];
    }

    private static byte[] Hot(FrameType type, int bodyLength)
    {
        Dictionary<string, string> fields = new(ProtocolVectors.Frames.First(frame => frame.Type == type).Fields)
        {
            ["bodyHex"] = new string('5', 2 * bodyLength),
            ["routingKey"] = new string('k', bodyLength % 256),
        };
        return FrameFields.Encode(type, fields);
    }
}
