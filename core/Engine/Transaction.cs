using System.Runtime.InteropServices;

namespace LowLatency.Core.Engine;

/// <summary>What a session has put into its transaction, in order, until it is committed or forgotten. Engine thread only.</summary>
/// <remarks>
/// <code>
/// operation = i32 type (CommandType) ▸ i32 bytes, this header included, a multiple of 8 ▸ command ▸ its variable part ▸ zeroes
/// </code>
/// Native memory, held only while there is something in it but for a small block, so that small transactions buy nothing.
/// </remarks>
internal sealed unsafe class Transaction : IDisposable
{
    internal const int HeaderLength = 2 * sizeof(int);

    private const int KeptCapacity = 16 * 1024;

    private readonly List<object> _targets = [];
    private byte* _memory;
    private int _capacity;
    private int _length;

    /// <summary>Operations in it.</summary>
    internal int Count => _targets.Count;

    /// <summary>Why it cannot be committed any more: an operation did not fit.</summary>
    internal string? Problem { get; private set; }

    /// <summary>Number of the operation that did not fit, from 1.</summary>
    internal int ProblemAt { get; private set; }

    /// <summary>Offset behind the last operation; the first is at 0.</summary>
    internal int End => _length;

    /// <summary>The publication or subscription that an operation is about, though its handle may mean another one by now.</summary>
    internal object Target(int operation) => _targets[operation];

    /// <summary>The operation at an offset, its command and variable part.</summary>
    internal ReadOnlySpan<byte> Read(int offset, out CommandType type, out int next)
    {
        int length = *(int*)(_memory + offset + sizeof(int));
        type = (CommandType)(*(int*)(_memory + offset));
        next = offset + length;
        return new ReadOnlySpan<byte>(_memory + offset + HeaderLength, length - HeaderLength);
    }

    /// <param name="maxLength">Most bytes of all operations.</param>
    internal void Add<T>(CommandType type, in T command, ReadOnlySpan<byte> rest, object target, int maxLength)
        where T : unmanaged
    {
        if (Problem != null)
            return;
        int length = (HeaderLength + sizeof(T) + rest.Length + 7) & ~7;
        if (length > maxLength - _length)
        {
            ProblemAt = Count + 1;
            Problem = $"the transaction would take more than {maxLength} bytes, its limit: commit in smaller parts.";
            Forget();
            return;
        }
        if (_length + length > _capacity)
            Grow(_length + length);
        byte* at = _memory + _length;
        *(int*)at = (int)type;
        *(int*)(at + sizeof(int)) = length;
        *(T*)(at + HeaderLength) = command;
        rest.CopyTo(new Span<byte>(at + HeaderLength + sizeof(T), rest.Length));
        _length += length;
        _targets.Add(target);
    }

    /// <summary>As new.</summary>
    internal void Clear()
    {
        Problem = null;
        Forget();
    }

    public void Dispose() => Free();

    private void Forget()
    {
        _targets.Clear();
        _length = 0;
        if (_capacity > KeptCapacity)
            Free();
    }

    private void Grow(int length)
    {
        int capacity = Math.Max(KeptCapacity, _capacity);
        while (capacity < length)
            capacity *= 2;
        _memory = (byte*)NativeMemory.Realloc(_memory, (nuint)capacity);
        _capacity = capacity;
    }

    private void Free()
    {
        NativeMemory.Free(_memory);
        _memory = null;
        _capacity = 0;
        _length = 0;
    }
}
