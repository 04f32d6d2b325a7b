using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowLatency.Core.Messages;

namespace LowLatency.Core.Routing;

/// <summary>The header table of one message, by name, so that a thousand bindings do not each walk it. Reused. Engine thread only.</summary>
internal sealed class HeaderIndex
{
    private readonly ulong _seed = RouteHash.ProcessSeed;
    private Slot[] _slots = new Slot[32];
    private int _stamp;
    private int _count;

    /// <summary>Takes in a table. Where a name comes twice the first counts.</summary>
    /// <param name="entries">Valid; kept by the caller and given to <see cref="IsMatch"/> again.</param>
    internal void Read(ReadOnlySpan<byte> entries)
    {
        Clear();
        var reader = new FieldTableReader(entries);
        while (reader.Read())
        {
            if (2 * (_count + 1) > _slots.Length)
            {
                // Read again into a larger one: rare, and then never again for tables of this size.
                _slots = new Slot[_slots.Length * 2];
                Clear();
                reader = new FieldTableReader(entries);
                continue;
            }
            Add(entries, reader.Name, reader.Value);
        }
    }

    /// <summary>Whether the table has the header with the value that the condition asks for.</summary>
    internal bool IsMatch(ReadOnlySpan<byte> entries, in HeaderCondition condition)
    {
        ref Slot slot = ref Find(entries, condition.Name, condition.NameHash);
        if (slot.Stamp != _stamp)
            return false;
        if (condition.Value.Class == HeaderClass.Void)
            return true;
        if (slot.Value.Class != condition.Value.Class || slot.Value.Number != condition.Value.Number)
            return false;
        return !slot.Value.HasBytes || entries.Slice(slot.ValueOffset, slot.ValueLength).SequenceEqual(condition.Bytes);
    }

    private void Clear()
    {
        _count = 0;
        if (++_stamp != int.MaxValue)
            return;
        Array.Clear(_slots);
        _stamp = 1;
    }

    private void Add(ReadOnlySpan<byte> entries, ReadOnlySpan<byte> name, FieldValue value)
    {
        uint hash = (uint)RouteHash.Of(name, _seed);
        ref Slot slot = ref Find(entries, name, hash);
        if (slot.Stamp == _stamp)
            return;
        slot = new Slot
        {
            Stamp = _stamp,
            NameHash = hash,
            NameOffset = Offset(entries, name),
            NameLength = name.Length,
            Value = new HeaderValue(value, _seed),
            ValueOffset = Offset(entries, value.Bytes),
            ValueLength = value.Bytes.Length,
        };
        _count++;
    }

    private ref Slot Find(ReadOnlySpan<byte> entries, ReadOnlySpan<byte> name, uint hash)
    {
        Slot[] slots = _slots;
        int mask = slots.Length - 1;
        int i = (int)hash & mask;
        while (slots[i].Stamp == _stamp && !(slots[i].NameHash == hash && entries.Slice(slots[i].NameOffset, slots[i].NameLength).SequenceEqual(name)))
            i = (i + 1) & mask;
        return ref slots[i];
    }

    // An empty span may point anywhere.
    private static int Offset(ReadOnlySpan<byte> entries, ReadOnlySpan<byte> part) =>
        part.Length == 0 ? 0 : (int)Unsafe.ByteOffset(ref MemoryMarshal.GetReference(entries), ref MemoryMarshal.GetReference(part));

    private struct Slot
    {
        internal int Stamp;
        internal uint NameHash;
        internal int NameOffset;
        internal int NameLength;
        internal int ValueOffset;
        internal int ValueLength;
        internal HeaderValue Value;
    }
}
