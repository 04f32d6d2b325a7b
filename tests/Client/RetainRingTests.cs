using System.Runtime.InteropServices;
using FsCheck.Fluent;
using LowLatency.Client;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Client;

/// <summary>The ring of undecided frames against a plain list.</summary>
public sealed class RetainRingTests
{
    private const int Capacity = 64 * 1024;

    [Fact]
    public void ShouldKeepEveryFrameUntilItIsReleased() => FsCheck.Check.One(
        FsCheck.Config.QuickThrowOnFailure.WithMaxTest(300).WithEndSize(400),
        Prop.ForAll(
            Gen.Choose(0, 9999).ListOf().ToArbitrary(),
            steps =>
            {
                var ring = new RetainRing(Capacity, 64);
                var model = new Queue<(ulong Sequence, byte[] Frame)>();
                ulong last = 0;
                foreach (int step in steps)
                {
                    if (step % 3 == 0 && model.Count > 0)
                    {
                        int count = 1 + step / 3 % model.Count;
                        ulong upTo = 0;
                        for (; count > 0; count--)
                            upTo = model.Dequeue().Sequence;
                        ring.Release(upTo);
                    }
                    else if (model.Count < 64)
                    {
                        Append(ring, model, ref last, step % 7 == 0 ? step * 3 : step % 300);
                    }

                    foreach ((ulong sequence, byte[] frame) in model)
                    {
                        if (!ring.Frame(sequence).SequenceEqual(frame))
                            return false;
                    }
                }

                return true;
            }));

    [Fact]
    public void ShouldTakeAFrameAsLongAsItselfWheneverItIsEmpty()
    {
        var ring = new RetainRing(Capacity, 4);
        var model = new Queue<(ulong Sequence, byte[] Frame)>();
        ulong last = 0;
        foreach (int body in (int[])[100, Capacity - FrameLayout.PublishPayload, 40_000, Capacity - FrameLayout.PublishPayload, 1])
        {
            Assert.True(Append(ring, model, ref last, body));
            Assert.True(ring.Frame(last).SequenceEqual(model.Peek().Frame));
            Assert.True(body < 30_000 || !Append(ring, model, ref last, 40_000));
            ring.Release(model.Dequeue().Sequence);
        }
    }

    [Fact]
    public void ShouldBeFullOnlyWhenItIs()
    {
        var ring = new RetainRing(Capacity, 4096);
        var model = new Queue<(ulong Sequence, byte[] Frame)>();
        ulong last = 0;
        for (int lap = 0; lap < 5; lap++)
        {
            int count = 0;
            while (Append(ring, model, ref last, 96))
                count++;
            Assert.Equal(Capacity / 128, count);
            model.Clear();
            ring.Release(last);
        }
    }

    private static bool Append(RetainRing ring, Queue<(ulong Sequence, byte[] Frame)> model, ref ulong last, int bodyLength)
    {
        byte[] body = new byte[bodyLength];
        new Random((int)last).NextBytes(body);
        int length = FrameWriter.PublishLength(0, 0, bodyLength);
        Span<byte> room = ring.Room(length);
        if (room.IsEmpty)
            return false;
        last++;
        FrameWriter.WritePublish(room, 1, last, 0, body);
        byte[] frame = room[..length].ToArray();
        ring.Append(last, length);
        model.Enqueue((last, frame));
        Assert.Equal(last, MemoryMarshal.Read<ulong>(frame.AsSpan(FrameLayout.HeaderLength)));
        return true;
    }
}
